// What validating and mutating admission policies have in common: whom they are about, their parameters and variables.
// https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
import {
  type KubeObject,
  type MatchCondition,
  type MatchResources,
  matchesLabelSelector,
  Namespaces,
  type ParamKind,
  type ParamRef,
  parseApiVersion,
  type ResourceDefinition,
  type Variable,
} from "../../../api/index.ts";
import {
  type CelType,
  costLimitPerCall,
  dynType,
  type Environment,
  EvaluationError,
  lazyObject,
  type ObjectType,
  objectType,
} from "../../../cel/index.ts";
import type { Clock } from "../../../lib/index.ts";
import type { Authorizer } from "../../authorization/index.ts";
import type { AdmissionRequest } from "../admission.ts";
import {
  type CompiledExpression,
  compileExpression,
  compileMatchConditions,
  environmentWith,
  evaluateExpression,
} from "../matching/match-conditions.ts";
import { isAdmissionConfiguration, type MatchingOptions, namespaceOf, wantedAs } from "../matching/request-rules.ts";
import { type ReviewedObjects, requestVariables } from "../matching/variables.ts";
import type { PolicyMetrics } from "./policy-metrics.ts";

export interface PolicyOptions extends MatchingOptions {
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly policyMetrics?: PolicyMetrics;
}

export interface Policy extends KubeObject {
  readonly spec: {
    readonly failurePolicy?: string;
    readonly matchConditions?: readonly MatchCondition[];
    readonly matchConstraints?: MatchResources;
    readonly paramKind?: ParamKind;
    readonly variables?: readonly Variable[];
  };
}

export interface Binding extends KubeObject {
  readonly spec: {
    readonly policyName?: string;
    readonly matchResources?: MatchResources;
    readonly paramRef?: ParamRef;
  };
}

/** A policy ready to be asked, with the bindings that put it to use. */
export interface ReadyPolicy<P extends Policy, B extends Binding> {
  readonly policy: P;
  readonly bindings: readonly B[];
  readonly conditions: readonly CompiledExpression[];
  readonly variables: PolicyVariables;
}

export interface PolicyVariables {
  readonly type: ObjectType;
  readonly expressions: ReadonlyMap<string, CompiledExpression>;
  /** In which the other expressions of the policy are compiled. */
  readonly environment: Environment;
}

/** What all expressions of a policy may cost for one request: RuntimeCELCostBudget upstream. */
const policyCostMax = 10_000_000;

/** What is left of it. */
export class CostBudget {
  left = policyCostMax;
}

const outOfBudget = "validation failed due to running out of cost budget, no further validation rules will be run";

/** The policies that have bindings, by name. */
export function readyPolicies<P extends Policy, B extends Binding>(
  policies: readonly P[],
  bindings: readonly B[],
  makesPatches: boolean,
): readonly ReadyPolicy<P, B>[] {
  return policies.flatMap((policy) => {
    const own = bindings.filter(({ spec }) => spec.policyName === policy.metadata.name);
    if (own.length === 0) return [];
    return [{ policy, bindings: own, ...compilePolicy(policy, makesPatches) }];
  });
}

function compilePolicy({ spec }: Policy, makesPatches: boolean) {
  const declared: Record<string, CelType> = spec.paramKind ? { params: dynType } : {};
  return {
    conditions: compileMatchConditions(spec.matchConditions, environmentWith({ variables: declared })),
    variables: compileVariables(spec.variables ?? [], { ...declared, namespaceObject: dynType }, makesPatches),
  };
}

/** Each variable sees those before it. */
function compileVariables(
  variables: readonly Variable[],
  declared: Readonly<Record<string, CelType>>,
  makesPatches: boolean,
): PolicyVariables {
  // Without a prototype: a variable may be called `__proto__`.
  const types: Record<string, CelType> = Object.create(null);
  const expressions = new Map<string, CompiledExpression>();
  const type = () => objectType("kubernetes.variables", types);
  const environment = () => environmentWith({ variables: { ...declared, variables: type() }, makesPatches });
  for (const { name, expression } of variables) {
    const compiled = compileExpression(expression, environment());
    expressions.set(name, compiled);
    types[name] = compiled.program?.resultType ?? dynType;
  }
  return { type: type(), expressions, environment: environment() };
}

/** The resource as which the policy wants the request; undefined when it does not. Throws ApiError. */
export function policyWants(
  request: AdmissionRequest,
  resources: MatchResources | undefined,
  options: MatchingOptions,
): ResourceDefinition | undefined {
  if (isExcluded(request)) return undefined;
  const { resourceRules = [], excludeResourceRules = [], matchPolicy } = resources ?? {};
  return wantedAs(
    request,
    {
      rules: resourceRules.length === 0 ? "all" : resourceRules,
      excluded: excludeResourceRules,
      matchPolicy,
      namespaceSelector: resources?.namespaceSelector,
      objectSelector: resources?.objectSelector,
    },
    options,
  );
}

/** Reviews of who one is and what one may do are nothing that is admitted. */
function isExcluded(request: AdmissionRequest): boolean {
  const { group } = request.definition;
  return isAdmissionConfiguration(request) || group === "authentication.k8s.io" || group === "authorization.k8s.io";
}

/**
 * The parameters with which a binding puts the policy to use, each for an evaluation of its own; undefined among them for
 * one without. Throws Error when they cannot be had.
 */
export async function paramsOf(
  request: AdmissionRequest,
  { spec }: Policy,
  { paramRef }: Binding["spec"],
  { lookup, versions }: MatchingOptions,
): Promise<readonly (KubeObject | undefined)[]> {
  const { paramKind } = spec;
  if (!paramKind || !paramRef) return [undefined];
  const { apiVersion = "", kind = "" } = paramKind;
  const { group, version } = parseApiVersion(apiVersion);
  const definition = versions.ofKind(group, version, kind);
  if (!definition) throw new Error(`paramKind kind \`&ParamKind{APIVersion:${apiVersion},Kind:${kind},}\` not known`);
  const namespace = paramNamespace(request, definition, paramRef);
  const { name, selector, parameterNotFoundAction } = paramRef;
  const found = name
    ? [lookup.get(definition, namespace, name)].filter((each) => each !== undefined)
    : lookup.list(definition, namespace).filter(({ metadata }) => matchesLabelSelector(selector, metadata.labels));
  if (found.length === 0 && parameterNotFoundAction === "Deny")
    throw new Error("no params found for policy binding with `Deny` parameterNotFoundAction");
  return Promise.all(found.map((each) => versions.shown(each, definition)));
}

function paramNamespace(request: AdmissionRequest, definition: ResourceDefinition, ref: ParamRef): string | undefined {
  if (!definition.namespaced) {
    if (ref.namespace) throw new Error("paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
    return undefined;
  }
  const namespace = ref.namespace || namespaceOf(request);
  if (namespace === "")
    throw new Error("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources");
  return namespace;
}

/** What the expressions of a policy see in one evaluation, its variables computed when they are looked at. */
export function policyBindings(
  request: AdmissionRequest,
  reviewed: ReviewedObjects,
  param: KubeObject | undefined,
  { type, expressions }: PolicyVariables,
  budget: CostBudget,
  { lookup, authorizer }: PolicyOptions,
): Readonly<Record<string, unknown>> {
  // A namespace is in none, although its requests carry its name as theirs.
  const { namespace } = request;
  const bindings: Record<string, unknown> = {
    ...requestVariables(request, reviewed, authorizer),
    params: param ?? null,
    namespaceObject: namespace === "" ? null : (lookup.get(Namespaces, undefined, namespace) ?? null),
  };
  const fields = [...expressions].map(([name, { program, error }]): [string, () => unknown] => [
    name,
    () => {
      const result = program?.evaluate(bindings, Math.min(costLimitPerCall, budget.left));
      if (!result) throw new EvaluationError(`composited variable "${name}" fails to compile: ${error}`);
      budget.left -= result.cost;
      if ("error" in result)
        throw new EvaluationError(`composited variable "${name}" fails to evaluate: ${result.error.message}`);
      return result.value;
    },
  ]);
  bindings.variables = lazyObject(type, Object.fromEntries(fields));
  return bindings;
}

/** Evaluates within the budget; the error is in Kubernetes' words. */
export async function evaluateWithin(
  budget: CostBudget,
  expression: CompiledExpression,
  bindings: Readonly<Record<string, unknown>>,
): Promise<{ readonly value?: unknown; readonly error?: string }> {
  if (budget.left <= 0) return { error: outOfBudget };
  const result = await evaluateExpression(expression, bindings, Math.min(costLimitPerCall, budget.left));
  budget.left -= result.cost;
  return result;
}
