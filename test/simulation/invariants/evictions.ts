// A pod leaves a node in time whose taints drive it away.
import type { Node, Pod, Taint } from "roder";
import { type Invariant, isUp, type State, type Write } from "./state.ts";
import { toleratedSeconds } from "./tolerations.ts";

interface Due {
  readonly pod: Pod;
  /** Of all taints together. */
  readonly toleratedMs: number;
  atMs: number;
}

export class Evictions implements Invariant {
  readonly #state: State;
  /** By the name of the node, those that drive pods away. */
  readonly #taints = new Map<string, readonly Taint[]>();
  /** By uid, when those have to go that have to. */
  readonly #due = new Map<string, Due>();
  /** None is due before. */
  #nextMs = Number.POSITIVE_INFINITY;

  constructor(state: State) {
    this.#state = state;
  }

  *problems({ kind, before, now, atMs }: Write): Iterable<string> {
    // The kind says what they are.
    if (kind === "nodes") this.#noteNode(before as Node | undefined, now as Node | undefined, atMs);
    if (kind === "pods") this.#notePod(before as Pod | undefined, now as Pod | undefined, atMs);
    if (atMs > this.#nextMs) yield* this.#overdue(atMs);
  }

  /** Who evicts has begun again, and with it all the times. */
  restarted(atMs: number): void {
    for (const due of this.#due.values()) due.atMs = atMs + due.toleratedMs;
  }

  #noteNode(before: Node | undefined, now: Node | undefined, atMs: number): void {
    const { name } = ((now ?? before) as Node).metadata; // one of the two is there
    const taints = (now?.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
    const known = this.#taints.get(name) ?? [];
    const isSame = taints.length === known.length && taints.every(({ key }) => known.some((each) => each.key === key));
    if (isSame) return;
    this.#taints.set(name, taints);
    for (const pod of this.#state.list<Pod>("pods")) if (pod.spec.nodeName === name) this.#judge(pod, atMs);
  }

  #notePod(before: Pod | undefined, now: Pod | undefined, atMs: number): void {
    const { uid } = ((now ?? before) as Pod).metadata; // one of the two is there
    if (!now || !isUp(now)) this.#due.delete(uid);
    else if (now.spec.nodeName && !before?.spec.nodeName) this.#judge(now, atMs);
  }

  #judge(pod: Pod, atMs: number): void {
    const { uid } = pod.metadata;
    const taints = this.#taints.get(pod.spec.nodeName ?? "") ?? [];
    const seconds = Math.min(...taints.map((taint) => toleratedSeconds(taint, pod.spec.tolerations ?? [])));
    if (!isUp(pod) || seconds === Number.POSITIVE_INFINITY) {
      this.#due.delete(uid);
      return;
    }
    // Another taint that is tolerated for a time does not move the time that there is.
    if (seconds > 0 && this.#due.has(uid)) return;
    const toleratedMs = Math.max(0, seconds) * 1_000;
    this.#due.set(uid, { pod, toleratedMs, atMs: atMs + toleratedMs });
    this.#nextMs = Math.min(this.#nextMs, atMs + toleratedMs + this.#graceMs);
  }

  *#overdue(atMs: number): Iterable<string> {
    this.#nextMs = Number.POSITIVE_INFINITY;
    for (const [uid, due] of this.#due) {
      const endMs = due.atMs + this.#graceMs;
      if (atMs <= endMs) {
        this.#nextMs = Math.min(this.#nextMs, endMs);
        continue;
      }
      this.#due.delete(uid);
      const { name } = due.pod.metadata;
      yield `${name} is still on ${due.pod.spec.nodeName}, whose taints it tolerates for ${due.toleratedMs} ms`;
    }
  }

  /** As late as a taint may be seen, and as long as it may take to act on it. */
  get #graceMs(): number {
    return this.#state.lateMs + this.#state.keptMs;
  }
}
