// Says in the status of a policy where its expressions do not fit the kinds that it is about:
// pkg/controller/validatingadmissionpolicystatus and k8s.io/apiserver's policy/validating/typechecking.go.
// https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking
import {
  type ExpressionWarning,
  namespaceType,
  parseApiVersion,
  type ResourceDefinition,
  requestVariableTypes,
  resolveBuiltIn,
  type Schema,
  ValidatingAdmissionPolicies,
  type ValidatingAdmissionPolicy,
  type ValidatingAdmissionPolicySpec,
} from "../api/index.ts";
import {
  type CelType,
  CompileError,
  compile,
  dynType,
  Environment,
  objectType,
  schemaType,
  type TypeSchema,
} from "../cel/index.ts";
import { defineController } from "../client/index.ts";
import type { ResourceCatalog } from "./resource-catalog.ts";

/** Resources of a rule at which nothing more is looked for. */
const resourcesMax = 10;

export function validatingAdmissionPolicyStatusController(catalog: ResourceCatalog) {
  return defineController({
    name: "validatingadmissionpolicy-status-controller",
    watches: { for: ValidatingAdmissionPolicies },
    async reconcile({ client, cache }, key) {
      const policy = cache.get(ValidatingAdmissionPolicies, key);
      if (!policy || policy.metadata.deletionTimestamp !== undefined) return;
      const { generation = 1 } = policy.metadata;
      if (policy.status?.observedGeneration === generation) return;
      const expressionWarnings = typeWarnings(policy, catalog.all());
      const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {};
      const status = { ...policy.status, observedGeneration: generation, typeChecking };
      await client.update(ValidatingAdmissionPolicies, { ...policy, status }, { subresource: "status" });
    },
  });
}

/** What is wrong with each expression, for every kind that the policy names. */
function typeWarnings(
  policy: ValidatingAdmissionPolicy,
  served: readonly ResourceDefinition[],
): readonly ExpressionWarning[] {
  const { paramKind, validations = [], variables = [] } = policy.spec;
  const param = paramKind && kindNamed(paramKind.apiVersion ?? "", paramKind.kind ?? "", served);
  const environments = kindsOf(policy, served).map((kind) => ({
    kind,
    environment: environmentFor(kind, param && typeOf(param), variables),
  }));
  const warn = (fieldRef: string, expression: string | undefined): ExpressionWarning[] => {
    if (!expression) return [];
    const warnings = environments.flatMap(({ kind, environment }) => {
      const wrong = compileProblem(expression, environment);
      return wrong === undefined ? [] : [`${gvkText(kind)}: ${wrong}\n`];
    });
    return warnings.length === 0 ? [] : [{ fieldRef, warning: warnings.join("\n") }];
  };
  return validations.flatMap(({ expression, messageExpression }, index) => [
    ...warn(`spec.validations[${index}].expression`, expression),
    ...warn(`spec.validations[${index}].messageExpression`, messageExpression),
  ]);
}

/** Only what a policy names is known beforehand: wildcards and subresources are not checked. */
function kindsOf({ spec }: ValidatingAdmissionPolicy, served: readonly ResourceDefinition[]) {
  const kinds = new Map<string, ResourceDefinition>();
  for (const rule of spec.matchConstraints?.resourceRules ?? []) {
    const named = resourcesOf(rule, served).slice(0, resourcesMax);
    for (const each of named) kinds.set(JSON.stringify([each.group, each.version, each.kind]), each);
    if (named.length === resourcesMax) break;
  }
  return [...kinds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, kind]) => kind);
}

type ResourceRule = NonNullable<
  NonNullable<ValidatingAdmissionPolicySpec["matchConstraints"]>["resourceRules"]
>[number];

function resourcesOf(
  { apiGroups = [], apiVersions = [], resources = [] }: ResourceRule,
  served: readonly ResourceDefinition[],
): readonly ResourceDefinition[] {
  const sorted = (names: readonly string[]) => [...names].sort();
  return sorted(apiGroups).flatMap((group) =>
    sorted(apiVersions).flatMap((version) =>
      sorted(resources).flatMap(
        (plural) =>
          served.find((each) => each.group === group && each.version === version && each.plural === plural) ?? [],
      ),
    ),
  );
}

function kindNamed(apiVersion: string, kind: string, served: readonly ResourceDefinition[]) {
  const { group, version } = parseApiVersion(apiVersion);
  return served.find((each) => each.group === group && each.version === version && each.kind === kind);
}

function gvkText({ group, version, kind }: ResourceDefinition): string {
  return `${group}/${version}, Kind=${kind}`;
}

function environmentFor(
  kind: ResourceDefinition,
  params: CelType | undefined,
  variables: readonly { readonly name: string; readonly expression: string }[],
): Environment {
  const object = typeOf(kind);
  const declared: Record<string, CelType> = {
    ...requestVariableTypes,
    object,
    oldObject: object,
    namespaceObject: namespaceType,
    ...(params ? { params } : {}),
  };
  // Without a prototype: a variable may be called `__proto__`.
  const known: Record<string, CelType> = Object.create(null);
  const withKnown = () =>
    new Environment({ variables: { ...declared, variables: objectType("kubernetes.variables", known) } });
  for (const { name, expression } of variables) known[name] = resultType(expression, withKnown());
  return withKnown();
}

function resultType(expression: string, environment: Environment): CelType {
  try {
    return compile(expression, environment).resultType;
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    // What is wrong with a variable is told where it is used, when the policy is asked.
    return dynType;
  }
}

function compileProblem(expression: string, environment: Environment): string | undefined {
  try {
    compile(expression, environment);
    return undefined;
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return error.message;
  }
}

/** What every object has, whatever the schema of a CRD says of it. */
const identity: Readonly<Record<string, Schema>> = {
  apiVersion: { type: "string" },
  kind: { type: "string" },
  metadata: { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
};

const knownTypes = new WeakMap<Schema, CelType>();

function typeOf({ schema }: ResourceDefinition): CelType {
  let type = knownTypes.get(schema);
  if (!type) {
    const whole = { ...schema, properties: { ...schema.properties, ...identity } };
    type = schemaType(resolved(whole, new Set()), "object") ?? dynType;
    knownTypes.set(schema, type);
  }
  return type;
}

/** The schema without references. What holds itself, as schemas of CRDs do, ends where it begins again. */
function resolved(schema: Schema, within: ReadonlySet<string>): TypeSchema {
  const { $ref } = schema;
  if ($ref !== undefined) return within.has($ref) ? {} : resolved(resolveBuiltIn($ref), new Set([...within, $ref]));
  const { properties, items, additionalProperties, ...rest } = schema;
  const own = (each: Schema) => resolved(each, within);
  return {
    ...rest,
    ...(properties
      ? { properties: Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, own(each)])) }
      : {}),
    ...(items && !Array.isArray(items) ? { items: own(items as Schema) } : {}), // narrowed from one or many
    ...(typeof additionalProperties === "object" ? { additionalProperties: own(additionalProperties) } : {}),
  };
}
