// A taint drives a pod away only when nothing tolerates it, or no longer.
import { type Node, type Pod, type Taint, type Toleration, toleratesTaint } from "roder";
import { controller } from "./asked.ts";
import type { Invariant, State, Write } from "./state.ts";

/** A time in which a node always had some taint that drives pods away. */
interface Period {
  readonly sinceMs: number;
  /** All that it had in that time. */
  readonly taints: Taint[];
  /** When the last went; undefined while there is one. */
  endMs?: number;
}

export class Tolerations implements Invariant {
  readonly #state: State;
  /** By the name of the node. */
  readonly #periods = new Map<string, Period>();
  /** By uid. */
  readonly #boundMs = new Map<string, number>();

  constructor(state: State) {
    this.#state = state;
  }

  *problems({ kind, before, now, by, departure, atMs }: Write): Iterable<string> {
    // The kind says what they are.
    if (kind === "nodes" && now) this.#note(now as Node, atMs);
    if (kind !== "pods") return;
    const pod = (now ?? before) as Pod;
    if (!now) this.#boundMs.delete(pod.metadata.uid);
    else if (pod.spec.nodeName) this.#boundMs.getOrInsert(pod.metadata.uid, atMs);
    if (departure && by === controller("node-controller")) yield* this.#judge(departure.pod, atMs);
  }

  #note({ metadata, spec }: Node, atMs: number): void {
    const taints = (spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
    const period = this.#periods.get(metadata.name);
    const isOver = period?.endMs !== undefined && atMs - period.endMs > this.#state.lateMs;
    if (taints.length === 0) {
      if (period) period.endMs ??= atMs;
    } else if (period && !isOver) {
      delete period.endMs;
      period.taints.push(...taints.filter(({ key }) => !period.taints.some((each) => each.key === key)));
    } else this.#periods.set(metadata.name, { sinceMs: atMs, taints });
  }

  *#judge({ metadata, spec }: Pod, atMs: number): Iterable<string> {
    const { nodeName = "", tolerations = [] } = spec;
    const period = this.#periods.get(nodeName);
    if (!period || (period.endMs !== undefined && atMs - period.endMs > this.#state.keptMs)) {
      yield `${metadata.name} is driven away, and ${nodeName} has no taint`;
      return;
    }
    const waitedMs = atMs - Math.max(period.sinceMs, this.#boundMs.get(metadata.uid) ?? 0);
    const toleratedMs = Math.min(...period.taints.map((taint) => toleratedSeconds(taint, tolerations) * 1_000));
    if (waitedMs < toleratedMs)
      yield `${metadata.name} is driven away after ${waitedMs} ms, and tolerates ${toleratedMs} ms`;
  }
}

/** How long one taint is borne; without an end it is infinite. */
export function toleratedSeconds(taint: Taint, tolerations: readonly Toleration[]): number {
  const matching = tolerations.find((each) => toleratesTaint(each, taint));
  return matching ? Number(matching.tolerationSeconds ?? Number.POSITIVE_INFINITY) : 0;
}
