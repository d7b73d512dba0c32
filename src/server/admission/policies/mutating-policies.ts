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

/** Throws ApiError in the words of k8s.io/apiserver/pkg/admission/plugin/policy/mutating when the policy fails the request. */
async function mutateBy(request: AdmissionRequest, ready: Ready, options: PolicyOptions): Promise<MutationOutcome> {
  const { policy, bindings } = ready;
  const fail = (error: unknown, binding?: KubeObject) => {
    if (policy.spec.failurePolicy === "Ignore") return;
    const by = binding ? ` with binding '${binding.metadata.name}'` : "";
    const message = `policy '${policy.metadata.name}'${by} denied request: ${errorMessage(error)}`;
    const { status } = forbidden(request.definition, request.name, message);
    throw new ApiError(403, "Forbidden", message, { ...status.details, causes: [{ message }] });
  };
  let outcome: MutationOutcome = "unasked";
  for (const binding of bindings) {
    let changes: boolean[] = [];
    try {
      changes = await mutateByBinding(request, ready, binding, options);
    } catch (error) {
      fail(error, binding);
    }
    if (changes.includes(true)) outcome = "changed";
    else if (changes.length > 0 && outcome === "unasked") outcome = "unchanged";
  }
  return outcome;
}

/** For each mutation that was made, whether it changed anything. Throws Error. */
async function mutateByBinding(
  request: AdmissionRequest,
  { policy, conditions, variables, mutations }: Ready,
  binding: MutatingAdmissionPolicyBinding,
  options: PolicyOptions,
): Promise<boolean[]> {
  const as = policyWants(request, policy.spec.matchConstraints, options);
  const { matchResources } = binding.spec;
  if (!as || (matchResources && !policyWants(request, matchResources, options))) return [];
  const changes: boolean[] = [];
  for (const param of await paramsOf(request, policy, binding.spec, options)) {
    const budget = new CostBudget();
    const see = async () => {
      const reviewed = await reviewedAs(request, as, options);
      return { reviewed, seen: policyBindings(request, reviewed, param, variables, budget, options) };
    };
    if (conditions.length > 0) {
      const matched = await matchConditions(conditions, (await see()).seen);
      if (matched === "differs") continue;
      if (matched !== "matches") throw new Error(matched.error);
    }
    for (const { patchType, expression } of mutations) {
      // Each mutation sees what those before it have made.
      const { reviewed, seen } = await see();
      const { value, error } = await evaluateWithin(budget, expression, seen);
      if (error !== undefined) throw new Error(error);
      const object = reviewed.object as KubeObject; // there is one: DELETE and CONNECT do not come here
      const result = value as Value; // what expressions give
      const next =
        patchType === "JSONPatch"
          ? applyJsonPatch(object, toJson(result))
          : mergeConfiguration(object, patchObject(result), as.schema);
      changes.push(await replace(request, next, as, options));
    }
  }
  return changes;
}

async function replace(
  request: AdmissionRequest,
  next: unknown,
  as: Parameters<typeof reviewedAs>[1],
  { versions }: PolicyOptions,
): Promise<boolean> {
  const { definition, kind } = request;
  const before = deepCopy(request.object);
  const isOwn = kind.kind === definition.kind && kind.group === definition.group;
  // Whatever it is, the pipeline decodes it.
  request.replaceObject(isOwn ? await versions.convert(next as KubeObject, as, definition) : next);
  return !deepEqual(before, request.object);
}
