import { withCondition } from "../conditions.ts";
import type { PodDisruptionBudgetStatus } from "../types.generated.ts";

/** The status with the condition that its count of allowed disruptions asks for: k8s.io/component-helpers, pdb. */
export function withDisruptionAllowed(status: PodDisruptionBudgetStatus, nowMs: number): PodDisruptionBudgetStatus {
  const isAllowed = (status.disruptionsAllowed ?? 0) > 0;
  const condition = {
    type: "DisruptionAllowed",
    status: isAllowed ? "True" : "False",
    reason: isAllowed ? "SufficientPods" : "InsufficientPods",
    message: "",
    observedGeneration: status.observedGeneration ?? 0,
  };
  return { ...status, conditions: withCondition(status.conditions, condition, nowMs) };
}
