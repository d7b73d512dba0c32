// What a disruption budget allows: the arithmetic of pkg/controller/disruption.
import {
  isPodReady,
  type Pod,
  type PodDisruptionBudget,
  type PodDisruptionBudgetStatus,
  scaledIntOrPercent,
  withDisruptionAllowed,
} from "../api/index.ts";

/** An evicted pod that is still there after this long stays. */
const deletionTimeoutMs = 2 * 60_000;

/** Whether how many pods there should be is said by their owners; a number of pods that must stay needs no owner. */
export function countsByScale({ spec }: PodDisruptionBudget): boolean {
  return spec.maxUnavailable !== undefined || typeof spec.minAvailable === "string";
}

export interface DisruptionPlan {
  readonly status: PodDisruptionBudgetStatus;
  /** Pods whose eviction was allowed and that nobody deleted. */
  readonly kept: readonly Pod[];
  /** When the next of them stops to count as evicted. */
  readonly nextCheckMs: number | undefined;
}

/**
 * The status of a budget that selects `pods`. `scale` is how many pods their owners want together; undefined where it is
 * not asked for. Throws when a percentage is none.
 */
export function planDisruption(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  scale: number | undefined,
  nowMs: number,
): DisruptionPlan {
  // A budget that says nothing expects nothing, and with that allows nothing.
  const expectedPods = scale ?? (budget.spec.minAvailable === undefined ? 0 : pods.length);
  const desiredHealthy = desiredOf(budget, expectedPods);
  const present = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const known = new Map(Object.entries(budget.status.disruptedPods ?? {}));
  const disrupted = new Map<string, string>();
  const kept: Pod[] = [];
  let nextCheckMs: number | undefined;
  for (const pod of present) {
    const { name } = pod.metadata;
    const disruptedAt = known.get(name);
    if (disruptedAt === undefined) continue;
    const endMs = Date.parse(disruptedAt) + deletionTimeoutMs;
    if (endMs < nowMs) kept.push(pod);
    else {
      disrupted.set(name, disruptedAt);
      nextCheckMs = Math.min(nextCheckMs ?? endMs, endMs);
    }
  }
  const currentHealthy = present.filter((pod) => isPodReady(pod) && !disrupted.has(pod.metadata.name)).length;
  // Without pods there is nothing to disrupt: the first that appears is safe before it was counted.
  const disruptionsAllowed = expectedPods > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0;
  const { conditions } = budget.status;
  const status = {
    ...(conditions ? { conditions } : {}),
    currentHealthy,
    desiredHealthy,
    ...(disrupted.size > 0 ? { disruptedPods: Object.fromEntries(disrupted) } : {}),
    disruptionsAllowed,
    expectedPods,
    observedGeneration: budget.metadata.generation ?? 0,
  };
  return { status: withDisruptionAllowed(status, nowMs), kept, nextCheckMs };
}

function desiredOf({ spec }: PodDisruptionBudget, expected: number): number {
  if (spec.maxUnavailable !== undefined)
    return Math.max(0, expected - scaledIntOrPercent(spec.maxUnavailable, expected, "up"));
  return spec.minAvailable === undefined ? 0 : scaledIntOrPercent(spec.minAvailable, expected, "up");
}
