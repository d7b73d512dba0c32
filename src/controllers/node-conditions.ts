// What the state of a node means for its taints, and what is said of a node that says nothing itself.
// pkg/controller/nodelifecycle/node_lifecycle_controller.go.
import {
  diskPressureTaint,
  memoryPressureTaint,
  type Node,
  type NodeCondition,
  networkUnavailableTaint,
  notReadyTaint,
  pidPressureTaint,
  type Taint,
  unreachableTaint,
  unschedulableTaint,
} from "../api/index.ts";
import { timestamp } from "../lib/index.ts";

export type Readiness = "True" | "False" | "Unknown";

export function nodeCondition({ status }: Node, type: string): NodeCondition | undefined {
  return status.conditions?.find((each) => each.type === type);
}

export function readinessOf(node: Node): Readiness {
  const status = nodeCondition(node, "Ready")?.status;
  return status === "True" || status === "False" ? status : "Unknown";
}

/** The conditions that a node itself reports and that are unknown when it is silent. */
const reportedConditions = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/** The conditions of a node that has not been heard of for too long; each stays in its place. */
export function silentConditions(node: Node, nowMs: number): readonly NodeCondition[] {
  const lastTransitionTime = timestamp(nowMs);
  const known = node.status.conditions ?? [];
  const silent = known.map((before): NodeCondition => {
    if (!reportedConditions.includes(before.type) || before.status === "Unknown") return before;
    const [reason, message] = ["NodeStatusUnknown", "Kubelet stopped posting node status."];
    return { ...before, status: "Unknown", reason, message, lastTransitionTime };
  });
  const missing = reportedConditions.filter((type) => known.every((each) => each.type !== type));
  const never = missing.map(
    (type): NodeCondition => ({
      type,
      status: "Unknown",
      reason: "NodeStatusNeverUpdated",
      message: "Kubelet never posted node status.",
      lastHeartbeatTime: node.metadata.creationTimestamp,
      lastTransitionTime,
    }),
  );
  return [...silent, ...never];
}

/** The taints that keep new pods away, by condition type, its status and the taint's key. */
const schedulingTaints: readonly (readonly [type: string, status: string, key: string])[] = [
  ["Ready", "False", notReadyTaint],
  ["Ready", "Unknown", unreachableTaint],
  ["MemoryPressure", "True", memoryPressureTaint],
  ["DiskPressure", "True", diskPressureTaint],
  ["NetworkUnavailable", "True", networkUnavailableTaint],
  ["PIDPressure", "True", pidPressureTaint],
];

/**
 * The taints that the node shall have: those for scheduling that its conditions ask for, and, when it may be evicted, the
 * one that drives away its pods. All other taints stay as they are.
 */
export function wantedTaints(node: Node, mayEvict: boolean, nowMs: number): readonly Taint[] {
  const wanted = new Map<string, Pick<Taint, "key" | "effect">>();
  const want = (key: string, effect: string) => wanted.set(`${key}:${effect}`, { key, effect });
  for (const [type, status, key] of schedulingTaints) {
    if (nodeCondition(node, type)?.status === status) want(key, "NoSchedule");
  }
  if (node.spec.unschedulable) want(unschedulableTaint, "NoSchedule");
  const readiness = nodeCondition(node, "Ready")?.status;
  if (mayEvict && readiness === "False") want(notReadyTaint, "NoExecute");
  if (mayEvict && readiness === "Unknown") want(unreachableTaint, "NoExecute");
  const kept = (node.spec.taints ?? []).filter((taint) => {
    const name = `${taint.key}:${taint.effect}`;
    // Admission gives new nodes the taint not-ready, which stays until they have reported for the first time.
    const isFirst = readiness === undefined && name === `${notReadyTaint}:NoSchedule`;
    return wanted.delete(name) || isFirst || !isOwn(taint);
  });
  return [...kept, ...[...wanted.values()].map((taint) => ({ ...taint, timeAdded: timestamp(nowMs) }))];
}

/** Whether the taint is this controller's to remove. */
function isOwn({ key, effect }: Taint): boolean {
  if (effect === "NoExecute") return key === notReadyTaint || key === unreachableTaint;
  if (effect !== "NoSchedule") return false;
  return key === unschedulableTaint || schedulingTaints.some(([, , own]) => own === key);
}
