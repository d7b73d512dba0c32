// Whether this node can run a pod: what the scheduler decided may have come too late, or the pod may have named the node itself.
import {
  addQuantities,
  compareQuantities,
  matchesNodeSelector,
  memoryPressureTaint,
  type Node,
  type ParsedQuantity,
  type Pod,
  podQos,
  podRequests,
  quantityMilliValue,
  quantityValue,
  toleratesTaint,
  untoleratedTaint,
} from "../../api/index.ts";
import { sysctlName } from "../container/sysctl.ts";
import { isCriticalPod } from "../eviction/eviction-order.ts";
import type { PressureType } from "../eviction/node-pressure.ts";
import type { PodFailure } from "./pod-status.ts";
import type { Shortage } from "./preempt-pods.ts";

/** The sysctls that affect nobody outside the pod (k8s.io/kubernetes/pkg/kubelet/sysctl/safe_sysctls.go). */
const safeSysctls = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_wmem",
];

export interface NodeLimits {
  readonly allowedUnsafeSysctls?: readonly string[] | undefined;
  /** What the node is short of. */
  readonly pressures?: readonly PressureType[];
}

/**
 * Why the pod cannot run beside `others`, the pods that are here and active; undefined when it can. A critical pod is not
 * refused for want of room: others make it.
 */
export function admitPod(
  pod: Pod,
  others: readonly Pod[],
  node: Node,
  { allowedUnsafeSysctls = [], pressures = [] }: NodeLimits = {},
): PodFailure | undefined {
  if (!isSparedBy(pressures, pod)) return rejected("Evicted", `The node had condition: [${pressures.join(" ")}]. `);
  const { supplementalGroupsPolicy, sysctls } = pod.spec.securityContext ?? {};
  for (const { name } of sysctls ?? []) {
    if (!isAllowedSysctl(sysctlName(name), allowedUnsafeSysctls)) {
      return rejected("SysctlForbidden", `forbidden sysctl: "${name}" not allowlisted`);
    }
  }
  const osLabel = pod.metadata.labels?.["kubernetes.io/os"];
  if (osLabel !== undefined && osLabel !== "linux") {
    const message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
    return rejected("PodOSSelectorNodeLabelDoesNotMatch", message);
  }
  const os = pod.spec.os?.name;
  if (os !== undefined && os !== "linux") {
    return rejected("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS");
  }
  if (supplementalGroupsPolicy === "Strict" && !node.status?.features?.supplementalGroupsPolicy) {
    const message = "SupplementalGroupsPolicy=Strict is not supported in this node";
    return rejected("SupplementalGroupsPolicyNotSupported", message);
  }
  const missing = isCriticalPod(pod) ? undefined : lacking(pod, others, node);
  if (missing) return missing;
  if (!matchesNodeSelector(pod, node))
    return failedPredicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");
  if (portTaken(pod, others))
    return failedPredicate("NodePorts", "node(s) didn't have free ports for the requested pod ports");
  const { tolerations } = pod.spec;
  if (untoleratedTaint(node.spec.taints, tolerations, ["NoExecute"]))
    return failedPredicate("TaintToleration", "node(s) had taints that the pod didn't tolerate");
  return undefined;
}

/** A rule of the scheduler's that the pod breaks, by the names that it has there. */
function failedPredicate(name: string, why: string): PodFailure {
  return rejected(name, `Predicate ${name} failed: ${why}`);
}

/** Whether what the node is short of keeps nobody like this pod away: pods that have asked for memory do no harm to it. */
function isSparedBy(pressures: readonly PressureType[], pod: Pod): boolean {
  if (pressures.length === 0 || isCriticalPod(pod)) return true;
  if (pressures.some((type) => type !== "MemoryPressure")) return false;
  const taint = { key: memoryPressureTaint, effect: "NoSchedule" };
  return podQos(pod) !== "BestEffort" || (pod.spec.tolerations ?? []).some((each) => toleratesTaint(each, taint));
}

function rejected(reason: string, message: string): PodFailure {
  return { reason, message: `Pod was rejected: ${message}` };
}

function isAllowedSysctl(name: string, allowed: readonly string[]): boolean {
  return [...safeSysctls, ...allowed].some((each) =>
    each.endsWith("*") ? name.startsWith(each.slice(0, -1)) : each === name,
  );
}

/** Which resource the node has too little of for the pod beside `others`. */
export function lacking(pod: Pod, others: readonly Pod[], node: Node): PodFailure | undefined {
  const [first] = lackingAll(pod, others, node);
  if (!first) return undefined;
  const { name, requested, used, capacity } = first;
  const numbers = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return rejected(`OutOf${name}`, `Node didn't have enough resource: ${name}, ${numbers}`);
}

/** How much is missing of what the node has too little of for the pod beside `others`. */
export function shortages(pod: Pod, others: readonly Pod[], node: Node): Shortage[] {
  return lackingAll(pod, others, node).map(({ name, requested, used, capacity }) => ({
    name,
    amount: requested - (capacity - used),
  }));
}

function lackingAll(pod: Pod, others: readonly Pod[], node: Node) {
  const allocatable = node.status?.allocatable ?? {};
  const lacks: { name: string; requested: number; used: number; capacity: number }[] = [];
  const podsMax = quantityValue(allocatable.pods ?? "0");
  if (allocatable.pods !== undefined && others.length + 1 > podsMax)
    lacks.push({ name: "pods", requested: 1, used: others.length, capacity: podsMax });
  for (const [name, request] of podRequests(pod)) {
    const capacity = allocatable[name];
    const zero = quantityValue(request) === 0;
    if (zero || capacity === undefined) continue;
    let used: ParsedQuantity | undefined;
    for (const other of others) {
      const more = podRequests(other).get(name);
      if (more) used = used ? addQuantities(used, more) : more;
    }
    const total = used ? addQuantities(used, request) : request;
    if (compareQuantities(total, capacity) <= 0) continue;
    const number = name === "cpu" ? quantityMilliValue : quantityValue;
    lacks.push({ name, requested: number(request), used: used ? number(used) : 0, capacity: number(capacity) });
  }
  return lacks;
}

/** A critical pod found no room, and no pods that would make it. */
export function noRoom(missing: readonly Shortage[]): PodFailure {
  const lacks = missing.map(({ name, amount }) => `(res: ${name}, q: ${amount}), `).join("");
  const why = `preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [${lacks}]`;
  return rejected(
    "UnexpectedAdmissionError",
    `Unexpected error while attempting to recover from admission failure: ${why}`,
  );
}

function portTaken(pod: Pod, others: readonly Pod[]): boolean {
  const taken = others.flatMap(hostPorts);
  return hostPorts(pod).some((port) =>
    taken.some(
      (other) =>
        other.protocol === port.protocol &&
        other.port === port.port &&
        (other.ip === port.ip || other.ip === anyAddress || port.ip === anyAddress),
    ),
  );
}

const anyAddress = "0.0.0.0";

function hostPorts(pod: Pod) {
  return pod.spec.containers.flatMap((container) =>
    (container.ports ?? []).flatMap(({ hostPort, hostIP, protocol }) =>
      hostPort ? [{ port: hostPort, ip: hostIP || anyAddress, protocol: protocol ?? "TCP" }] : [],
    ),
  );
}
