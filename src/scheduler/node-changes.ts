// What a change of a node means for the pods that wait.
import { type Node, notReadyTaint } from "../api/index.ts";
import { deepEqual } from "../lib/index.ts";

/** Whether the node has yet to become ready for the first time, or again: when many do, pods wait for one that fits. */
export function isJoining({ spec }: Node): boolean {
  return (spec?.taints ?? []).some(({ key }) => key === notReadyTaint);
}

/** Whether two versions of a node take the same pods and rank the same. */
export function sameForScheduling(a: Node, b: Node): boolean {
  return (
    a.spec?.unschedulable === b.spec?.unschedulable &&
    deepEqual(a.spec?.taints, b.spec?.taints) &&
    deepEqual(a.metadata.labels, b.metadata.labels) &&
    deepEqual(a.status?.allocatable, b.status?.allocatable) &&
    deepEqual(a.status?.images, b.status?.images)
  );
}
