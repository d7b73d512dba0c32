import type { Pod } from "../api/index.ts";
import type { ObjectKey } from "../client/index.ts";
import { type Clock, timestamp } from "../lib/index.ts";
import type { Diagnosis } from "./diagnosis.ts";
import type { NodeVerdict, RuleScore } from "./explanation.ts";

/** What the scheduler decided about a pod when it was tried last. */
export interface Decision {
  readonly time: string;
  /** How many times it was tried. */
  readonly attempts: number;
  /** The node that was chosen, and what the rules rated it; undefined when there was none. */
  readonly node?: string;
  readonly scores?: readonly RuleScore[];
  /** Why there was none. */
  readonly message?: string;
  /** The nodes that were rejected, by what rejected them; left out when that is too long ago. */
  readonly rejections?: readonly {
    readonly rule: string;
    readonly reason: string;
    readonly nodes: readonly string[];
  }[];
}

export interface Explanation {
  readonly namespace: string;
  readonly name: string;
  readonly schedulerName: string;
  /** Where the pod is. */
  readonly node?: string;
  /** What it waits for, when it is nowhere. */
  readonly waiting?: string;
  /** Undefined when nothing was decided since the scheduler started, or too much since. */
  readonly decision?: Decision;
  /** What the rules say now, as if the pod had no node. */
  readonly nodes: readonly NodeVerdict[];
}

/** Knows the pods and the nodes as they are now. */
export type ExplainNow = (key: ObjectKey) => Explanation | undefined;

/** The decisions that are remembered, of so many pods. */
const decisionsMax = 10_000;
/** Those of them with the nodes that were rejected: each takes a few words for every node. */
const detailedMax = 100;

/** Remembers why pods are where they are: the last decisions, within bounds. */
export class PlacementRecord {
  readonly #clock: Clock;
  /** By uid; the oldest first. */
  readonly #decisions = new Map<string, Decision>();
  readonly #detailed = new Set<string>();
  /** Like pods share a diagnosis. */
  readonly #rejections = new WeakMap<Diagnosis, NonNullable<Decision["rejections"]>>();
  #explainNow: ExplainNow | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The scheduler that decides; undefined when it has ended. */
  attach(explainNow: ExplainNow | undefined): void {
    this.#explainNow = explainNow;
  }

  /** Whether a scheduler decides at all. */
  get isAttached(): boolean {
    return this.#explainNow !== undefined;
  }

  placed(pod: Pod, attempts: number, node: string, scores: readonly RuleScore[]): void {
    this.#remember(pod, { time: timestamp(this.#clock.now()), attempts, node, scores });
  }

  failed(pod: Pod, attempts: number, message: string, diagnosis: Diagnosis): void {
    const rejections = this.#rejections.getOrInsertComputed(diagnosis, () => rejectionsOf(diagnosis));
    this.#remember(pod, { time: timestamp(this.#clock.now()), attempts, message, rejections });
    const { uid } = pod.metadata;
    this.#detailed.delete(uid);
    this.#detailed.add(uid);
    const [oldest] = this.#detailed;
    if (this.#detailed.size <= detailedMax || oldest === undefined) return;
    this.#detailed.delete(oldest);
    const decision = this.#decisions.get(oldest);
    if (decision?.rejections === undefined) return;
    const { rejections: _, ...rest } = decision;
    this.#decisions.set(oldest, rest);
  }

  forget(uid: string): void {
    this.#decisions.delete(uid);
    this.#detailed.delete(uid);
  }

  /** Undefined when there is no such pod. Throws when no scheduler runs. */
  explain(key: ObjectKey): Explanation | undefined {
    if (this.#explainNow === undefined) throw new Error("the scheduler does not run");
    return this.#explainNow(key);
  }

  decisionOf(uid: string): Decision | undefined {
    return this.#decisions.get(uid);
  }

  #remember({ metadata: { uid } }: Pod, decision: Decision): void {
    this.#decisions.delete(uid);
    this.#decisions.set(uid, decision);
    if (this.#decisions.size <= decisionsMax) return;
    const [oldest] = this.#decisions.keys();
    if (oldest !== undefined) this.forget(oldest);
  }
}

function rejectionsOf({ rejections, podRejection }: Diagnosis): NonNullable<Decision["rejections"]> {
  if (podRejection)
    return podRejection.rejection.reasons.map((reason) => ({ rule: podRejection.rule, reason, nodes: [] }));
  const byReason = new Map<string, { rule: string; reason: string; nodes: string[] }>();
  for (const { node, rejection, rule } of rejections) {
    for (const reason of rejection.reasons) {
      byReason.getOrInsertComputed(`${rule}: ${reason}`, () => ({ rule, reason, nodes: [] })).nodes.push(node.name);
    }
  }
  return [...byReason.values()];
}
