import {
  ApiError,
  applyJsonPatch,
  forbidden,
  type KubeObject,
  MutatingAdmissionPolicies,
  type MutatingAdmissionPolicy,
  type MutatingAdmissionPolicyBinding,
  MutatingAdmissionPolicyBindings,
  mergeConfiguration,
  type ResourceDefinition,
  whyNotPatched,
} from "../../../api/index.ts";
import { patchObject, toJson, type Value } from "../../../cel/index.ts";
import { deepCopy, deepEqual, errorMessage } from "../../../lib/index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import { Compiled } from "../compiled.ts";
import { type CompiledExpression, compileExpression, matchConditions } from "../matching/match-conditions.ts";
import { type MutationOutcome, Reinvocation } from "../reinvocation.ts";
import { reviewedAs } from "../webhooks/webhook-call.ts";
import {
  CostBudget,
  evaluateWithin,
  type PolicyOptions,
  paramsOf,
  policyBindings,
  policyWants,
  type ReadyPolicy,
  readyPolicies,
} from "./policy.ts";

interface Ready extends ReadyPolicy<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding> {
  readonly mutations: readonly { readonly patchType: string; readonly expression: CompiledExpression }[];
}

/** Changes objects as the expressions of MutatingAdmissionPolicies say. */
export function mutatingPolicies(options: PolicyOptions): AdmissionPlugin {
  const { lookup } = options;
  const compiled = new Compiled(lookup, [MutatingAdmissionPolicies, MutatingAdmissionPolicyBindings], () =>
    readyPolicies(lookup.list(MutatingAdmissionPolicies), lookup.list(MutatingAdmissionPolicyBindings), true).map(
      compile,
    ),
  );
  const reinvocation = new Reinvocation<Ready>(({ policy }) => policy.spec.reinvocationPolicy === "IfNeeded");
  return {
    name: "MutatingAdmissionPolicy",
    admit(request) {
      const policies = compiled.get();
      // What is deleted cannot be changed.
      if (policies.length === 0 || !request.object || request.operation === "CONNECT") return undefined;
      return reinvocation.askAll(request, policies, (each) => mutateBy(request, each, options));
    },
  };
}

function compile(ready: ReadyPolicy<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding>): Ready {
  const { environment } = ready.variables;
  return {
    ...ready,
    mutations: (ready.policy.spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) => ({
      patchType,
      expression: compileExpression((applyConfiguration ?? jsonPatch)?.expression ?? "", environment),
    })),
  };
}

/** Throws ApiError in the words of k8s.io/apiserver/pkg/admission/plugin/policy/generic when the policy fails the request. */
async function mutateBy(request: AdmissionRequest, ready: Ready, options: PolicyOptions): Promise<MutationOutcome> {
  const { policy, bindings } = ready;
  const failFor = (binding: KubeObject) => (why: string, reason: string) => {
    if (policy.spec.failurePolicy === "Ignore") return;
    const message = `policy '${policy.metadata.name}' with binding '${binding.metadata.name}' denied request: ${why}`;
    const { details } = forbidden(request.definition, request.name, message).status;
    throw new ApiError(403, reason, message, { ...details, causes: [{ message }] });
  };
  const outcomes: MutationOutcome[] = [];
  for (const binding of bindings)
    outcomes.push(await mutateByBinding(request, ready, binding, failFor(binding), options));
  if (outcomes.includes("changed")) return "changed";
  return outcomes.includes("unchanged") ? "unchanged" : "unasked";
}

/** Says what went wrong; throws ApiError unless the policy is to be passed over then. */
type Fail = (why: string, reason: string) => void;

async function mutateByBinding(
  request: AdmissionRequest,
  ready: Ready,
  binding: MutatingAdmissionPolicyBinding,
  fail: Fail,
  options: PolicyOptions,
): Promise<MutationOutcome> {
  const { policy } = ready;
  let as: ReturnType<typeof policyWants>;
  let params: Awaited<ReturnType<typeof paramsOf>> = [];
  try {
    as = policyWants(request, policy.spec.matchConstraints, options);
    const { matchResources } = binding.spec;
    if (!as || (matchResources && !policyWants(request, matchResources, options))) return "unasked";
    params = await paramsOf(request, policy, binding.spec, options);
  } catch (error) {
    fail(`failed to configure binding: ${errorMessage(error)}`, "Forbidden");
    return "unasked";
  }
  const outcomes: MutationOutcome[] = [];
  for (const param of params) outcomes.push(await mutateWith(request, ready, as, param, fail, options));
  if (outcomes.includes("changed")) return "changed";
  return outcomes.includes("unchanged") ? "unchanged" : "unasked";
}

async function mutateWith(
  request: AdmissionRequest,
  { conditions, variables, mutations }: Ready,
  as: ResourceDefinition,
  param: KubeObject | undefined,
  fail: Fail,
  options: PolicyOptions,
): Promise<MutationOutcome> {
  const budget = new CostBudget();
  const see = async () => {
    const reviewed = await reviewedAs(request, as, options);
    return { reviewed, seen: policyBindings(request, reviewed, param, variables, budget, options) };
  };
  if (conditions.length > 0) {
    const matched = await matchConditions(conditions, (await see()).seen);
    if (matched === "differs") return "unasked";
    if (matched !== "matches") {
      fail(matched.error, "Invalid");
      return "unasked";
    }
  }
  let outcome: MutationOutcome = "unchanged";
  for (const { patchType, expression } of mutations) {
    // Each mutation sees what those before it have made.
    const { reviewed, seen } = await see();
    const { value, error } = await evaluateWithin(budget, expression, seen);
    if (error !== undefined) {
      fail(error, "Invalid");
      continue;
    }
    const object = reviewed.object as KubeObject; // there is one: DELETE and CONNECT do not come here
    let next: unknown;
    try {
      const result = value as Value; // what expressions give
      next = patchType === "JSONPatch" ? patchedBy(object, toJson(result)) : merged(object, result, as);
    } catch (cause) {
      fail(errorMessage(cause), "Invalid");
      continue;
    }
    if (await replace(request, next, as, options)) outcome = "changed";
  }
  return outcome;
}

/** A patch whose test fails is not applied, and that is no error. */
function patchedBy(object: KubeObject, patch: unknown): unknown {
  try {
    return applyJsonPatch(object, patch);
  } catch (error) {
    if (failsAtTest(object, patch)) return object;
    throw new Error(`JSON Patch: ${whyNotPatched(error)}`);
  }
}

function failsAtTest(object: KubeObject, patch: unknown): boolean {
  if (!Array.isArray(patch)) return false;
  const passes = (count: number) => {
    try {
      applyJsonPatch(object, patch.slice(0, count));
      return true;
    } catch {
      // That it fails is the answer.
      return false;
    }
  };
  return patch.some(({ op }, index) => op === "test" && passes(index) && !passes(index + 1));
}

function merged(object: KubeObject, result: Value, { schema }: ResourceDefinition): unknown {
  let configuration: unknown;
  try {
    configuration = patchObject(result);
  } catch (error) {
    throw new Error("type mismatch", { cause: error });
  }
  try {
    return mergeConfiguration(object, configuration, schema);
  } catch (error) {
    throw new Error("error applying patch", { cause: error });
  }
}

async function replace(
  request: AdmissionRequest,
  next: unknown,
  as: ResourceDefinition,
  { versions }: PolicyOptions,
): Promise<boolean> {
  const { definition, kind } = request;
  const before = deepCopy(request.object);
  const isOwn = kind.kind === definition.kind && kind.group === definition.group;
  // Whatever it is, the pipeline decodes it.
  request.replaceObject(isOwn ? await versions.convert(next as KubeObject, as, definition) : next);
  return !deepEqual(before, request.object);
}
