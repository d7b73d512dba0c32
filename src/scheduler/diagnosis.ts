import type { Rejection } from "./rule.ts";
import type { NodeState } from "./snapshot.ts";

export interface NodeRejection {
  readonly node: NodeState;
  readonly rejection: Rejection;
  /** The name of the rule that rejected the node. */
  readonly rule: string;
}

/** A rule that rejects the pod wherever it would go. */
export interface PodRejection {
  readonly rejection: Rejection;
  readonly rule: string;
}

/** Why a pod has no node: what each node was rejected for, or the pod as a whole. */
export class Diagnosis {
  readonly nodeCount: number;
  /** Empty when the pod was rejected as a whole. */
  readonly rejections: readonly NodeRejection[];
  readonly podRejection: PodRejection | undefined;
  #sentence: string | undefined;
  #rules: ReadonlySet<string> | undefined;

  constructor(nodeCount: number, rejections: readonly NodeRejection[], podRejection?: PodRejection) {
    this.nodeCount = nodeCount;
    this.rejections = rejections;
    this.podRejection = podRejection;
  }

  /** The names of the rules that rejected a node. */
  get rules(): ReadonlySet<string> {
    this.#rules ??= new Set(
      this.podRejection ? [this.podRejection.rule] : this.rejections.map((rejection) => rejection.rule),
    );
    return this.#rules;
  }

  /**
   * The sentence of the pod's condition and event, word for word as kube-scheduler v1.35 forms it: people and autoscalers
   * read it (pkg/scheduler/framework/types.go, FitError; pkg/scheduler/schedule_one.go, ErrNoNodesAvailable). What the
   * attempts to help have to say comes after it.
   */
  message(remedy = ""): string {
    if (this.nodeCount === 0) return "no nodes available to schedule pods";
    return remedy === "" ? this.#describe() : `${this.#describe()} ${remedy}`;
  }

  #describe(): string {
    this.#sentence ??= this.podRejection
      ? `0/${this.nodeCount} nodes are available: ${this.podRejection.rejection.reasons.join(", ")}.`
      : summary(
          this.nodeCount,
          this.rejections.flatMap(({ rejection }) => rejection.reasons),
        );
    return this.#sentence;
  }
}

/** "0/3 nodes are available: 1 …, 2 …." with each reason counted, in the order of the texts. */
export function summary(nodeCount: number, reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodeCount} nodes are available: ${parts.join(", ")}.`;
}
