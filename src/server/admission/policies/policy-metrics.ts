import type { MetricRegistry } from "../../../lib/index.ts";

/** An expression of a policy that was not true, or could not be evaluated. */
export interface PolicyCheck {
  readonly policy: string;
  readonly binding: string;
  /** What followed of it. */
  readonly action: "allow" | "deny" | "warn" | "audit";
  readonly message: string;
  readonly seconds: number;
}

/** As k8s.io/apiserver/pkg/admission/plugin/policy/validating/metrics has them. */
const secondsBuckets = [0.0000005, 0.001, 0.01, 0.1, 1];

/** Counts what validating policies find. Their names are those of objects that administrators write. */
export class PolicyMetrics {
  readonly observe: (check: PolicyCheck) => void;

  constructor(metrics: MetricRegistry) {
    const labels = ["policy", "policy_binding", "error_type", "enforcement_action"];
    const total = metrics.counter({
      name: "apiserver_validating_admission_policy_check_total",
      help: "Expressions of validating policies that were not true or failed, by what followed of it.",
      labels,
    });
    const durations = metrics.histogram({
      name: "apiserver_validating_admission_policy_check_duration_seconds",
      help: "How long those expressions took.",
      labels,
      buckets: secondsBuckets,
    });
    this.observe = ({ policy, binding, action, message, seconds }) => {
      const values = [policy, binding, errorType(message), action] as const;
      total.with(...values).add();
      durations.with(...values).observe(seconds);
    };
  }
}

/** By how the message begins; what is simply not true is invalid, too. */
function errorType(message: string): string {
  if (message.startsWith("compilation")) return "compile_error";
  return message.startsWith("validation failed due to running out of cost budget") ? "out_of_budget" : "invalid_error";
}
