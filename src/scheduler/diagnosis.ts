import type { Pod } from "../api/index.ts";
import type { Rejection } from "./rule.ts";
import type { NodeState } from "./snapshot.ts";

export interface NodeRejection {
  readonly node: NodeState;
  readonly rejection: Rejection;
}

/** Why a pod has no node: what each node was rejected for. */
export class Diagnosis {
  readonly nodeCount: number;
  readonly rejections: readonly NodeRejection[];
  readonly #mayPreempt: boolean;
  #message: string | undefined;

  constructor(nodeCount: number, rejections: readonly NodeRejection[], pod: Pod) {
    this.nodeCount = nodeCount;
    this.rejections = rejections;
    this.#mayPreempt = pod.spec.preemptionPolicy !== "Never";
  }

  /**
   * The sentence of the pod's condition and event, word for word as kube-scheduler v1.35 forms it: people and autoscalers
   * read it (pkg/scheduler/framework/types.go, FitError; pkg/scheduler/schedule_one.go, ErrNoNodesAvailable).
   */
  get message(): string {
    this.#message ??= this.#describe();
    return this.#message;
  }

  #describe(): string {
    if (this.nodeCount === 0) return "no nodes available to schedule pods";
    const reasons = this.rejections.flatMap(({ rejection }) => rejection.reasons);
    // What comes first after the nodes is about claims of devices.
    return `${this.#summary(reasons)} no new claims to deallocate, preemption: ${this.#describePreemption()}`;
  }

  #describePreemption(): string {
    if (!this.#mayPreempt) return "not eligible due to preemptionPolicy=Never.";
    return this.#summary(
      this.rejections.map(({ rejection }) =>
        rejection.isResolvable
          ? "No preemption victims found for incoming pod"
          : "Preemption is not helpful for scheduling",
      ),
    );
  }

  /** "0/3 nodes are available: 1 …, 2 …." with each reason counted, in the order of the texts. */
  #summary(reasons: readonly string[]): string {
    const counts = new Map<string, number>();
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
    return `0/${this.nodeCount} nodes are available: ${parts.join(", ")}.`;
  }
}
