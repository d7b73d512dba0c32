// Which pods serve, and which were lost lately. What was lost in another way than by who deletes the next one, with its
// node for example, counts as if it were there: who deletes may not have known.
import { controllerOf, isPodReady, type Pod, podCondition } from "roder";
import { isAvailable, isUp, type State, type Write } from "./state.ts";

/** Whoever evicts, the API decides. */
export const evictions = "evictions";

/** A pod that somebody deletes. */
export interface Departure {
  readonly pod: Pod;
  readonly by: string | undefined;
  readonly atMs: number;
  /** Since when it is ready; undefined when it is not. */
  readonly readySinceMs: number | undefined;
}

interface Lost {
  readonly pod: Pod;
  readonly by: string | undefined;
  readonly atMs: number;
}

export class Readiness {
  readonly #state: State;
  /** By uid, since when they have been ready. */
  readonly #sinceMs = new Map<string, number>();
  /** By uid, what is not ready any more; those that were lost last are the last. */
  readonly #lost = new Map<string, Lost>();

  constructor(state: State) {
    this.#state = state;
  }

  /** To be told of every write. Who is deleted by it. */
  note({ kind, before, now, by: user, subresource, atMs }: Write): Departure | undefined {
    if (kind !== "pods") return undefined;
    const [old, pod] = [before as Pod | undefined, now as Pod | undefined]; // the kind says so
    const by = subresource === "eviction" ? evictions : user;
    const uid = (pod ?? old)?.metadata.uid ?? "";
    const readySinceMs = this.#sinceMs.get(uid);
    if (pod && isAvailable(pod)) {
      this.#lost.delete(uid);
      this.#sinceMs.getOrInsert(uid, atMs);
    } else if (old && isAvailable(old)) {
      this.#sinceMs.delete(uid);
      this.#forget(atMs);
      this.#lost.set(uid, { pod: old, by, atMs });
    }
    if (!old || !isUp(old) || (pod && pod.metadata.deletionTimestamp === undefined)) return undefined;
    return { pod: old, by, atMs, readySinceMs: isPodReady(old) ? (readySinceMs ?? atMs) : undefined };
  }

  /** Those of the pods that are ready for so long, and those that somebody else than `by` has lost lately. */
  serving(pods: readonly Pod[], { by, atMs }: Departure, { isOne, readyMs = () => 0 }: Serving): readonly Pod[] {
    const lost = [...this.#lost.values()].filter((each) => each.by !== by && atMs - each.atMs <= this.#state.keptMs);
    const ready = pods.filter((pod) => isAvailable(pod) && isReadyFor(pod, readyMs(pod), atMs));
    return [...ready, ...lost.map(({ pod }) => pod)].filter(isOne);
  }

  /** Whether its controller has to know that it serves; what has just begun to may not have been known. */
  isKnown({ pod, readySinceMs, atMs }: Departure, readyMs: number): boolean {
    const { lateMs } = this.#state;
    if (readySinceMs === undefined || atMs - readySinceMs < lateMs) return false;
    return isReadyFor(pod, readyMs, atMs - lateMs);
  }

  #forget(atMs: number): void {
    for (const [uid, lost] of this.#lost) {
      if (atMs - lost.atMs <= this.#state.keptMs) break;
      this.#lost.delete(uid);
    }
  }
}

interface Serving {
  readonly isOne: (pod: Pod) => boolean;
  /** How long it must be ready; any time when left out. */
  readonly readyMs?: (pod: Pod) => number;
}

export const isControlledBy = (uid: string) => (pod: Pod) => controllerOf(pod)?.uid === uid;

/** https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#min-ready-seconds */
export function isReadyFor(pod: Pod, readyMs: number, atMs: number): boolean {
  if (readyMs === 0) return true;
  const since = podCondition(pod, "Ready")?.lastTransitionTime;
  return Date.parse(since ?? "") + readyMs <= atMs;
}

interface Timed {
  readonly spec: { readonly minReadySeconds?: number };
}

/** The shortest and the longest time for which a pod must be ready by one of these. */
export function readyTimes(specs: readonly Timed[]): { readonly shortMs: number; readonly longMs: number } {
  const times = specs.map(({ spec }) => (spec.minReadySeconds ?? 0) * 1_000);
  return { shortMs: Math.min(...times), longMs: Math.max(...times) };
}
