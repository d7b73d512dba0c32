import {
  ApiError,
  forbidden,
  type KubeObject,
  ValidatingAdmissionPolicies,
  type ValidatingAdmissionPolicy,
  type ValidatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicyBindings,
  type Validation,
} from "../../../api/index.ts";
import { boolType, evaluateMessage, nullType, stringType } from "../../../cel/index.ts";
import { errorMessage } from "../../../lib/index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import { Compiled } from "../compiled.ts";
import { type CompiledExpression, compileExpression, matchConditions } from "../matching/match-conditions.ts";
import type { ReviewedObjects } from "../matching/variables.ts";
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
import type { PolicyCheck } from "./policy-metrics.ts";

interface Ready extends ReadyPolicy<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding> {
  readonly validations: readonly CompiledValidation[];
  readonly annotations: readonly { readonly key: string; readonly value: CompiledExpression }[];
}

interface CompiledValidation {
  readonly validation: Validation;
  readonly expression: CompiledExpression;
  readonly message: CompiledExpression | undefined;
}

/** Something that a policy does not allow. */
interface Failure {
  readonly policy: string;
  readonly binding?: string;
  readonly message: string;
  readonly reason: string;
}

interface FailedExpression {
  readonly index: number;
  readonly message: string;
  readonly reason: string;
  readonly seconds: number;
}

const actionsOf = { Deny: "deny", Warn: "warn", Audit: "audit" } as const;
const annotationLengthMax = 10 * 1024;
const failureAnnotation = "validation.policy.admission.k8s.io/validation_failure";
const codes: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413 };

/** Asks the expressions of ValidatingAdmissionPolicies whether an object may be as it will be. */
export function validatingPolicies(options: PolicyOptions): AdmissionPlugin {
  const { lookup } = options;
  const compiled = new Compiled(lookup, [ValidatingAdmissionPolicies, ValidatingAdmissionPolicyBindings], () =>
    readyPolicies(lookup.list(ValidatingAdmissionPolicies), lookup.list(ValidatingAdmissionPolicyBindings), false).map(
      compile,
    ),
  );
  return {
    name: "ValidatingAdmissionPolicy",
    validate(request) {
      const policies = compiled.get();
      if (policies.length === 0) return undefined;
      return new Evaluation(request, options).run(policies);
    },
  };
}

function compile(ready: ReadyPolicy<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding>): Ready {
  const { environment } = ready.variables;
  const { validations = [], auditAnnotations = [] } = ready.policy.spec;
  return {
    ...ready,
    validations: validations.map((validation) => ({
      validation,
      expression: compileExpression(validation.expression, environment, boolType),
      message: validation.messageExpression
        ? compileExpression(validation.messageExpression, environment, stringType)
        : undefined,
    })),
    annotations: auditAnnotations.map(({ key, valueExpression }) => ({
      key,
      value: compileExpression(valueExpression, environment, stringType, nullType),
    })),
  };
}

/** One request before all policies. */
class Evaluation {
  readonly #request: AdmissionRequest;
  readonly #options: PolicyOptions;
  readonly #failures: Failure[] = [];
  readonly #annotations = new Map<string, string[]>();

  constructor(request: AdmissionRequest, options: PolicyOptions) {
    this.#request = request;
    this.#options = options;
  }

  async run(policies: readonly Ready[]): Promise<void> {
    for (const each of policies) await this.#ask(each);
    for (const [key, values] of this.#annotations) this.#request.annotate(key, values.join(", "));
    const [first] = this.#failures;
    if (first) throw this.#denial(first);
  }

  async #ask(ready: Ready): Promise<void> {
    const { policy, bindings } = ready;
    let as: ReturnType<typeof policyWants>;
    try {
      as = policyWants(this.#request, policy.spec.matchConstraints, this.#options);
    } catch (error) {
      this.#misconfigured(ready, undefined, error);
      return;
    }
    if (!as) return;
    const reviewed = await reviewedAs(this.#request, as, this.#options);
    for (const binding of bindings) {
      try {
        const { matchResources } = binding.spec;
        if (matchResources && !policyWants(this.#request, matchResources, this.#options)) continue;
        for (const param of await paramsOf(this.#request, policy, binding.spec, this.#options))
          await this.#evaluate(ready, binding, reviewed, param);
      } catch (error) {
        this.#misconfigured(ready, binding, error);
      }
    }
  }

  /** What keeps a policy from being asked is for its failure policy. */
  #misconfigured({ policy }: Ready, binding: ValidatingAdmissionPolicyBinding | undefined, error: unknown): void {
    if (policy.spec.failurePolicy === "Ignore") return;
    this.#failures.push({
      policy: policy.metadata.name,
      ...(binding ? { binding: binding.metadata.name } : {}),
      message: `failed to configure ${binding ? "binding" : "policy"}: ${errorMessage(error)}`,
      reason: "",
    });
  }

  async #evaluate(
    { policy, conditions, variables, validations, annotations }: Ready,
    binding: ValidatingAdmissionPolicyBinding,
    reviewed: ReviewedObjects,
    param: KubeObject | undefined,
  ): Promise<void> {
    const isLenient = policy.spec.failurePolicy === "Ignore";
    const budget = new CostBudget();
    const bindings = policyBindings(this.#request, reviewed, param, variables, budget, this.#options);
    const { clock } = this.#options;
    let startMs = clock.monotonicMs();
    const fail = (index: number, message: string, reason = "") =>
      this.#failed(policy, binding, { index, message, reason, seconds: (clock.monotonicMs() - startMs) / 1000 });
    const passOver = (message: string) =>
      this.#observe(policy, binding, "allow", message, (clock.monotonicMs() - startMs) / 1000);
    if (conditions.length > 0) {
      const matched = await matchConditions(conditions, bindings);
      if (matched === "differs") return;
      if (matched !== "matches") {
        if (isLenient) passOver(matched.error);
        else fail(0, matched.error);
        return;
      }
    }
    for (const [index, { validation, expression, message }] of validations.entries()) {
      startMs = clock.monotonicMs();
      const result = await evaluateWithin(budget, expression, bindings);
      if (result.error !== undefined) {
        if (isLenient) passOver(result.error);
        else fail(index, result.error);
      } else if (result.value !== true) {
        // The first time finds what must be waited for; an error of it is no message, as the second time says.
        if (message) await evaluateWithin(budget, message, bindings);
        const computed = message?.program && evaluateMessage(message.program, bindings, Math.max(1, budget.left));
        const fixed = validation.message?.trim() || `failed expression: ${validation.expression.trim()}`;
        fail(index, computed?.message ?? fixed, validation.reason ?? "Invalid");
      }
    }
    for (const { key, value } of annotations) {
      startMs = clock.monotonicMs();
      const result = await evaluateWithin(budget, value, bindings);
      if (result.error !== undefined) {
        if (isLenient) continue;
        this.#denied(policy, binding, result.error, "");
        this.#observe(policy, binding, "deny", result.error, (clock.monotonicMs() - startMs) / 1000);
      } else if (typeof result.value === "string" && result.value.trim() !== "") {
        const full = `${policy.metadata.name}/${key}`;
        const values = this.#annotations.get(full) ?? [];
        const text = result.value.trim().slice(0, annotationLengthMax);
        if (!values.includes(text)) this.#annotations.set(full, [...values, text]);
      }
    }
  }

  #failed(
    policy: ValidatingAdmissionPolicy,
    binding: ValidatingAdmissionPolicyBinding,
    { index, message, reason, seconds }: FailedExpression,
  ): void {
    const { validationActions } = binding.spec;
    for (const action of validationActions)
      if (action === "Deny" || action === "Warn" || action === "Audit")
        this.#observe(policy, binding, actionsOf[action], message, seconds);
    const names = { policy: policy.metadata.name, binding: binding.metadata.name };
    if (validationActions.includes("Deny")) this.#denied(policy, binding, message, reason);
    if (validationActions.includes("Audit"))
      this.#request.annotate(
        failureAnnotation,
        JSON.stringify([{ message, ...names, expressionIndex: index, validationActions }]),
      );
    if (validationActions.includes("Warn"))
      this.#request.warn(
        `Validation failed for ValidatingAdmissionPolicy '${names.policy}' with binding '${names.binding}': ${message}`,
      );
  }

  #observe(
    { metadata: { name: policy } }: KubeObject,
    { metadata: { name: binding } }: KubeObject,
    action: PolicyCheck["action"],
    message: string,
    seconds: number,
  ): void {
    this.#options.policyMetrics?.observe({ policy, binding, action, message, seconds });
  }

  #denied(policy: KubeObject, binding: KubeObject, message: string, reason: string): void {
    this.#failures.push({ policy: policy.metadata.name, binding: binding.metadata.name, message, reason });
  }

  #denial({ policy, binding, message, reason }: Failure): ApiError {
    const by = binding === undefined ? "" : ` with binding '${binding}'`;
    const why = `ValidatingAdmissionPolicy '${policy}'${by} denied request: ${message}`;
    const { status } = forbidden(this.#request.definition, this.#request.name, why);
    const details = { ...status.details, causes: [{ message: why }] };
    return new ApiError(codes[reason] ?? 422, reason || "Invalid", status.message, details);
  }
}
