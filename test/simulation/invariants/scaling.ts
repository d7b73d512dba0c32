// Autoscalers change a size no faster than the policies of their behavior allow.
import type { Deployment, HorizontalPodAutoscaler, HPAScalingRules } from "roder";
import { controller } from "./asked.ts";
import type { Invariant, State, Write } from "./state.ts";

interface Change {
  readonly atMs: number;
  readonly by: number;
}

export class Scaling implements Invariant {
  readonly #state: State;
  /** An autoscaler knows only of what it was told that it is done. */
  readonly #requestsFail: boolean;
  /** What autoscalers did to Deployments, by uid; the last is at the end. */
  readonly #changes = new Map<string, Change[]>();

  constructor(state: State, requestsFail: boolean) {
    this.#state = state;
    this.#requestsFail = requestsFail;
  }

  *problems({ kind, before, now, by, atMs }: Write): Iterable<string> {
    if (kind !== "deployments" || this.#requestsFail) return;
    if (!now || !before || by !== controller("horizontal-pod-autoscaler")) return;
    const { metadata, spec } = now as Deployment; // the kind says so
    const [was = 1, is = 1] = [(before as Deployment).spec.replicas, spec.replicas];
    if (is === was) return;
    const changes = this.#changes.getOrInsertComputed(metadata.uid, () => []);
    changes.push({ atMs, by: is - was });
    for (const autoscaler of this.#state.list<HorizontalPodAutoscaler>("horizontalpodautoscalers")) {
      if (autoscaler.spec.scaleTargetRef.name !== metadata.name) continue;
      const { minReplicas = 1, maxReplicas, behavior } = autoscaler.spec;
      // What is outside of the bounds comes back at once.
      if (was < minReplicas || was > maxReplicas) continue;
      const rules = is > was ? behavior?.scaleUp : behavior?.scaleDown;
      const most = allowed(rules, changes, is > was ? 1 : -1, atMs);
      if (most !== undefined && Math.abs(is - was) > most)
        yield `${metadata.name} is scaled from ${was} to ${is}, where ${most} more were allowed to change`;
    }
  }
}

/** How many more the policies allow in this direction; undefined where they are not numbers of pods, or there are none. */
function allowed(rules: HPAScalingRules | undefined, changes: readonly Change[], sign: number, atMs: number) {
  const policies = rules?.policies ?? [];
  if (policies.length === 0 || policies.some(({ type }) => type !== "Pods")) return undefined;
  const limits = policies.map(({ value, periodSeconds }) => {
    // The last one is the change that is judged.
    const past = changes.slice(0, -1).filter((each) => atMs - each.atMs < periodSeconds * 1_000);
    const done = past.filter(({ by }) => by * sign > 0).reduce((sum, { by }) => sum + by * sign, 0);
    const undone = past.filter(({ by }) => by * sign < 0).reduce((sum, { by }) => sum - by * sign, 0);
    return value - done + undone;
  });
  return rules?.selectPolicy === "Min" ? Math.min(...limits) : Math.max(...limits);
}
