import { isPodTerminal, type KubeObject, type Namespace, type Node, type Pod } from "../api/index.ts";
import type { InformerEvent } from "../client/index.ts";
import { deepEqual } from "../lib/index.ts";
import { isJoining, sameForScheduling } from "./node-changes.ts";
import type { PlacementRecord } from "./placement-record.ts";
import type { Planner } from "./planner.ts";
import type { WakeHint } from "./plugin.ts";
import type { SchedulingQueue } from "./queue.ts";
import type { PodToPlace } from "./rule.ts";
import { type NodeState, type Snapshot, sameForOthers } from "./snapshot.ts";

/** Kubernetes' words for what wakes pods, as metrics have them. */
const actions = { add: "Add", update: "Update", delete: "Delete" } as const;
/** Also for room that was only kept. */
const podGone = "AssignedPodDelete";

interface ClusterChangesOptions {
  readonly snapshot: Snapshot;
  readonly queue: SchedulingQueue;
  /** Who plans for the pod; undefined for a pod of another scheduler. */
  readonly plannerOf: (pod: Pod) => Planner | undefined;
  readonly placements: PlacementRecord | undefined;
}

/**
 * What changes in the cluster, by events or by the scheduler's own decisions: it goes into the snapshot, and wakes the pods
 * in the queue that it may help.
 */
export class ClusterChanges {
  readonly #snapshot: Snapshot;
  readonly #queue: SchedulingQueue;
  readonly #plannerOf: ClusterChangesOptions["plannerOf"];
  readonly #placements: PlacementRecord | undefined;

  constructor({ snapshot, queue, plannerOf, placements }: ClusterChangesOptions) {
    this.#snapshot = snapshot;
    this.#queue = queue;
    this.#plannerOf = plannerOf;
    this.#placements = placements;
  }

  onNamespace(event: InformerEvent<Namespace>): void {
    const { name, labels = {} } = event.object.metadata;
    if (event.type === "delete") this.#snapshot.removeNamespace(name);
    else this.#snapshot.setNamespace(name, labels);
    if (event.type !== "update" || deepEqual(event.old.metadata.labels, event.object.metadata.labels)) return;
    // Terms may select namespaces by their labels.
    this.#queue.wake("NamespaceUpdate", (pod) => pod.spec.affinity !== undefined);
  }

  onNode(event: InformerEvent<Node>): void {
    const { name } = event.object.metadata;
    const label = `Node${actions[event.type]}`;
    if (event.type === "delete") {
      const nominated = [...(this.#snapshot.node(name)?.nominated.keys() ?? [])];
      this.#snapshot.removeNode(name);
      for (const uid of nominated) this.#queue.wakePod(uid, label);
      // With it a domain may be gone that had the fewest pods.
      this.#queue.wake(label, (_, shape) => shape.hasSpreadConstraints);
      return;
    }
    // Most updates are heartbeats, which say nothing about where pods fit.
    if (event.type === "update" && sameForScheduling(event.old, event.object)) {
      this.#snapshot.refreshNode(event.object);
      return;
    }
    const before = this.#queue.hasWaiting ? this.#snapshot.node(name)?.with({ added: [], removed: [] }) : undefined;
    this.#snapshot.setNode(event.object);
    const node = this.#snapshot.node(name);
    this.#wakeFor(node, label);
    if (before === undefined || node === undefined || isJoining(before.node)) return;
    this.#queue.wake(label, (pod, shape) => this.#plannerOf(pod)?.isJudgedAnew({ pod, shape }, before, node) ?? false);
  }

  onPod(event: InformerEvent<Pod>): void {
    const { type, object: pod } = event;
    const { uid } = pod.metadata;
    if (type === "delete" || isPodTerminal(pod)) {
      if (type === "delete") this.#placements?.forget(uid);
      this.#queue.delete(uid);
      this.withdrawNomination(pod);
      this.#leave(pod);
      return;
    }
    if (pod.spec.nodeName) {
      this.#queue.delete(uid);
      this.withdrawNomination(pod);
      const before = this.#snapshot.placed(uid);
      this.#snapshot.place(pod, pod.spec.nodeName);
      // One that was resized may leave more than before.
      if (before && before.shape !== this.#snapshot.placed(uid)?.shape) {
        this.#wakeFor(this.#snapshot.node(before.nodeName), "AssignedPodUpdate");
      }
      if (before && before.nodeName === pod.spec.nodeName && sameForOthers(before.pod, pod)) return;
      const label = before ? "AssignedPodUpdate" : "AssignedPodAdd";
      this.#wakeForPod(pod, label);
      // Where it was as it was before, others may be now.
      if (before) this.#wakeForPod(before.pod, label);
      return;
    }
    if (!this.#isOurs(pod)) {
      this.#queue.delete(uid);
      this.withdrawNomination(pod);
      // One that goes before it was bound will not be bound any more.
      this.#leave(pod);
      return;
    }
    this.#queue.add(pod);
    this.#followNomination(pod, type === "update" ? event.old : undefined);
  }

  /** An object of which a plugin said that it may help the pods that it rejected. */
  onHinted(plugin: string, hint: WakeHint, event: InformerEvent<KubeObject>): void {
    const label = `${hint.resource.kind}${actions[event.type]}`;
    this.#queue.wakeRejectedBy(plugin, label, (pod) => hint.mayHelp(pod, event));
  }

  /** The pod is going to its node: what was kept for it on another is free, and others may have waited to be near it. */
  settle(pod: Pod, nodeName: string): void {
    const kept = this.#snapshot.withdrawNomination(pod.metadata.uid);
    if (kept !== undefined && kept !== nodeName) this.#wakeFor(this.#snapshot.node(kept), podGone);
    this.#wakeForPod(pod, "AssignedPodAdd");
  }

  /** Takes a pod from its node, and lets others have its place; also one of which only what was reserved for it was left. */
  takeBack(pod: Pod, nodeName: string): void {
    this.#snapshot.unplace(pod.metadata.uid);
    this.#wakeFor(this.#snapshot.node(nodeName), podGone);
    this.#wakeForPod(pod, podGone);
  }

  nominate(pod: Pod, nodeName: string): void {
    const before = this.#snapshot.nominatedNode(pod.metadata.uid);
    this.#snapshot.nominate(pod, nodeName);
    if (before !== undefined && before !== nodeName) this.#wakeFor(this.#snapshot.node(before), podGone);
  }

  /** Others may have the room that was kept for the pod. */
  withdrawNomination({ metadata: { uid } }: Pod): void {
    const nodeName = this.#snapshot.withdrawNomination(uid);
    if (nodeName !== undefined) this.#wakeFor(this.#snapshot.node(nodeName), podGone);
  }

  /** Takes over a nomination that was written: by this scheduler, one before it, or one who takes it away. */
  #followNomination(pod: Pod, old: Pod | undefined): void {
    const { nominatedNodeName = "" } = pod.status ?? {};
    if (nominatedNodeName === (old?.status?.nominatedNodeName ?? "")) return;
    if (nominatedNodeName !== "") {
      // One that is being bound has its room.
      if (this.#snapshot.placed(pod.metadata.uid)) return;
      this.nominate(pod, nominatedNodeName);
    } else if (this.#snapshot.nominatedNode(pod.metadata.uid) !== undefined) {
      this.withdrawNomination(pod);
      this.#queue.wakePod(pod.metadata.uid, "UnschedulablePodUpdate");
    }
  }

  /** Takes a pod from its node, if it is or was about to be on one. */
  #leave(pod: Pod): void {
    const placed = this.#snapshot.placed(pod.metadata.uid);
    if (placed) this.takeBack(pod, placed.nodeName);
  }

  /** Lets the pods try again that would fit on a node that has changed. */
  #wakeFor(node: NodeState | undefined, event: string): void {
    if (node === undefined) return;
    // Those for which room is being made there see how far that is, or that it is no use any more.
    for (const uid of node.nominated.keys()) this.#queue.wakePod(uid, event);
    this.#queue.wake(event, (pod, shape) => this.#plannerOf(pod)?.mayFit({ pod, shape }, node) ?? false);
  }

  /** Lets the pods try again to which it matters where other pods are. */
  #wakeForPod(other: Pod, event: string): void {
    let found: PodToPlace | undefined;
    this.#queue.wake(event, (pod, shape) => {
      // Worked out only where pods wait.
      found ??= { pod: other, shape: this.#snapshot.shapes.of(other, this.#snapshot.placed(other.metadata.uid)) };
      return this.#plannerOf(pod)?.isConcernedBy({ pod, shape }, found) ?? false;
    });
  }

  /** Whether the pod is ours to schedule: under a name of ours, and not going away. */
  #isOurs(pod: Pod): boolean {
    return this.#plannerOf(pod) !== undefined && pod.metadata.deletionTimestamp === undefined;
  }
}
