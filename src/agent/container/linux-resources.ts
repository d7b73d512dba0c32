// CPU and memory of the API as numbers of cgroups. https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
import {
  aggregateContainerRequests,
  type Container,
  type EphemeralContainer,
  isRestartableInitContainer as isRestartable,
  nodeCriticalPriority,
  type Pod,
  podLimits,
  podQos,
  podRequests,
  type QosClass,
  quantityMilliValue,
  quantityValue,
} from "../../api/index.ts";
import type { LinuxResources } from "../engine/index.ts";
import { type CgroupLimits, cpuPeriod, cpuSharesMax, cpuSharesMin, type Machine } from "../host.ts";

const sharesPerCpu = 1_024;
/** The kernel takes no less (1 ms). */
const quotaMin = 1_000;

export function cpuShares(milliCpu: number): number {
  if (milliCpu === 0) return cpuSharesMin;
  return Math.min(cpuSharesMax, Math.max(cpuSharesMin, Math.floor((milliCpu * sharesPerCpu) / 1_000)));
}

/** Microseconds in each period; undefined without a limit. */
export function cpuQuota(milliCpu: number): number | undefined {
  return milliCpu === 0 ? undefined : Math.max(quotaMin, Math.floor((milliCpu * cpuPeriod) / 1_000));
}

export function containerResources(
  pod: Pod,
  container: Container | EphemeralContainer,
  machine: Pick<Machine, "memoryBytes" | "oomScoreAdjMin">,
): LinuxResources {
  const { requests, limits } = container.resources ?? {};
  // A container without a limit has the pod's: programs read it from their own cgroup.
  const cpuLimit = limits?.cpu ?? pod.spec.resources?.limits?.cpu ?? "0";
  const quota = cpuQuota(quantityMilliValue(cpuLimit));
  const memoryLimitBytes = quantityValue(limits?.memory ?? pod.spec.resources?.limits?.memory ?? "0");
  return {
    cpuShares: cpuShares(quantityMilliValue(requests?.cpu ?? cpuLimit)),
    ...(quota === undefined ? {} : { cpuQuota: quota, cpuPeriod }),
    ...(memoryLimitBytes === 0 ? {} : { memoryLimitBytes }),
    oomScoreAdj: Math.max(machine.oomScoreAdjMin, oomScoreAdj(pod, container, machine.memoryBytes)),
  };
}

const guaranteedOomScore = -997;
const bestEffortOomScore = 1_000;

/**
 * Whom the kernel kills first: of burstable containers the one that asked for the least of the machine, and a sidecar never
 * before the containers that it serves (the kubelet's qos/policy.go). What only the pod asks for is shared among them.
 */
export function oomScoreAdj(pod: Pod, container: Container | EphemeralContainer, machineMemoryBytes: number): number {
  // The kernel spares them as it does guaranteed ones.
  if ((pod.spec.priority ?? 0) >= nodeCriticalPriority) return guaranteedOomScore;
  const qos = podQos(pod);
  if (qos === "Guaranteed") return guaranteedOomScore;
  if (qos === "BestEffort") return bestEffortOomScore;
  const share = unclaimedMemoryShare(pod);
  const scoreOf = (bytes: number) => 1_000 - Math.floor((1_000 * (bytes + share)) / machineMemoryBytes);
  const own = scoreOf(memoryRequest(container));
  const isSidecar = pod.spec.initContainers?.some((each) => each.name === container.name && isRestartable(each));
  const score = isSidecar ? Math.min(own, scoreOf(Math.min(...pod.spec.containers.map(memoryRequest)))) : own;
  return Math.min(bestEffortOomScore - 1, Math.max(1_000 + guaranteedOomScore, score));
}

const memoryRequest = ({ resources }: Pick<Container, "resources">) =>
  quantityValue(resources?.requests?.memory ?? "0");

/** What the pod as a whole asks for and none of its containers does, for each of them. */
function unclaimedMemoryShare(pod: Pod): number {
  const wanted = pod.spec.resources?.requests?.memory;
  if (wanted === undefined || quantityValue(wanted) === 0) return 0;
  const claimed = aggregateContainerRequests(pod).get("memory");
  const containers = pod.spec.containers.length + (pod.spec.initContainers?.length ?? 0);
  return Math.trunc((quantityValue(wanted) - (claimed ? quantityValue(claimed) : 0)) / containers);
}

/** The cgroup of a quality of service class below the root; guaranteed pods are at the root itself. */
export function qosCgroup(root: string, qos: QosClass): string {
  return qos === "Guaranteed" ? root : `${root}/${qos.toLowerCase()}`;
}

/** The cgroup of all containers of a pod, cgroupfs driver. */
export function podCgroup(root: string, pod: Pod): string {
  return podCgroupOf(root, pod.metadata.uid, podQos(pod));
}

/** Where the cgroup of a pod may be of which only the uid is known. */
export function possiblePodCgroups(root: string, uid: string): string[] {
  return (["Guaranteed", "Burstable", "BestEffort"] as const).map((qos) => podCgroupOf(root, uid, qos));
}

function podCgroupOf(root: string, uid: string, qos: QosClass): string {
  return `${qosCgroup(root, qos)}/pod${uid}`;
}

/** What bounds the pod as a whole: a limit only where every container has one. */
export function podCgroupLimits(pod: Pod): CgroupLimits {
  const limits = podLimits(pod);
  const all = (name: "cpu" | "memory") =>
    pod.spec.resources?.limits?.[name] !== undefined ||
    [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].every((each) => each.resources?.limits?.[name]);
  const cpuLimit = limits.get("cpu");
  const memoryLimit = limits.get("memory");
  const quota = cpuLimit && all("cpu") ? cpuQuota(quantityMilliValue(cpuLimit)) : undefined;
  const cpuRequest = podRequests(pod).get("cpu");
  return {
    cpuShares: cpuShares(cpuRequest ? quantityMilliValue(cpuRequest) : 0),
    ...(quota === undefined ? {} : { cpuQuota: quota }),
    ...(memoryLimit && all("memory") ? { memoryLimitBytes: quantityValue(memoryLimit) } : {}),
  };
}
