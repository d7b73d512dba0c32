// Evictions leave what the budgets keep.
import {
  controllerOf,
  type Deployment,
  type KubeObject,
  matchesLabelSelector,
  type Pod,
  type PodDisruptionBudget,
  type ReplicaSet,
  type StatefulSet,
  scaledIntOrPercent,
} from "roder";
import { type Departure, evictions, type Readiness } from "./readiness.ts";
import type { Invariant, State, Write } from "./state.ts";

export class Budgets implements Invariant {
  readonly #state: State;
  readonly #readiness: Readiness;

  constructor(state: State, readiness: Readiness) {
    this.#state = state;
    this.#readiness = readiness;
  }

  *problems({ departure }: Write): Iterable<string> {
    // One that has not started yet may always go.
    if (departure?.by !== evictions || departure.pod.status.phase === "Pending") return;
    const { metadata } = departure.pod;
    for (const budget of this.#state.list<PodDisruptionBudget>("poddisruptionbudgets")) {
      if (budget.metadata.namespace !== metadata.namespace) continue;
      if (matchesLabelSelector(budget.spec.selector, metadata.labels)) yield* this.#judge(departure, budget);
    }
  }

  *#judge(gone: Departure, budget: PodDisruptionBudget): Iterable<string> {
    const { metadata, spec } = budget;
    const isReady = gone.readySinceMs !== undefined;
    if (!isReady && spec.unhealthyPodEvictionPolicy === "AlwaysAllow") return;
    const isOne = (pod: Pod) =>
      pod.metadata.namespace === metadata.namespace && matchesLabelSelector(spec.selector, pod.metadata.labels);
    const pods = this.#state.list<Pod>("pods").filter(isOne);
    const { length } = this.#readiness.serving(pods, gone, { isOne });
    const kept = Math.min(...this.#state.lateSpecs(budget, gone.atMs).map((each) => this.#kept(each, pods, gone)));
    if (length >= kept) return;
    const what = isReady ? "an eviction" : "the eviction of a pod that is not ready";
    yield `${what} leaves ${length} pods where the budget ${metadata.name} keeps ${kept}`;
  }

  /** How many it keeps at least, whichever of the sizes that its pods' owners had lately it counts by. */
  #kept({ spec }: PodDisruptionBudget, pods: readonly Pod[], { pod, atMs }: Departure): number {
    const { minAvailable, maxUnavailable } = spec;
    if (typeof minAvailable === "number") return minAvailable;
    const owners = new Set([pod, ...pods].map((each) => this.#scaled(each)).filter((each) => each !== undefined));
    let expected = 0;
    for (const owner of owners) {
      const sizes = this.#state.lateSpecs(owner, atMs).map((each) => each.spec.replicas ?? 1);
      expected += Math.min(...sizes);
    }
    if (maxUnavailable !== undefined) return expected - scaledIntOrPercent(maxUnavailable, expected, "up");
    return scaledIntOrPercent(minAvailable ?? 0, expected, "up");
  }

  /** What says how many pods like this one there should be. */
  #scaled(pod: Pod): Scaled | undefined {
    const uid = controllerOf(pod)?.uid;
    const set = this.#state.find<ReplicaSet>("replicasets", uid);
    if (!set) return this.#state.find<StatefulSet>("statefulsets", uid);
    return this.#state.find<Deployment>("deployments", controllerOf(set)?.uid);
  }
}

type Scaled = KubeObject & { readonly spec: { readonly replicas?: number } };
