// Which pod goes when the node is short of something, and what is said of it: pure. The order and the words are those of
// the kubelet (pkg/kubelet/eviction/helpers.go).
import {
  binaryQuantity,
  clusterCriticalPriority,
  compareQuantities,
  isMirrorPod,
  type Pod,
  podRequests,
  quantityValue,
} from "../../api/index.ts";
import type { MetThreshold, StarvedResource } from "./node-pressure.ts";

/** What a pod uses of the node. */
export interface PodUse {
  readonly memoryBytes: number;
  /** On the node's disk: what its containers wrote outside their volumes, their logs, and its emptyDirs. */
  readonly diskBytes: number;
  readonly inodes: number;
  readonly containers: readonly ContainerUse[];
}

export interface ContainerUse {
  readonly name: string;
  readonly memoryBytes: number;
  /** Without volumes. */
  readonly diskBytes: number;
}

export interface Candidate {
  readonly pod: Pod;
  /** Undefined while nothing of it runs. */
  readonly use: PodUse | undefined;
}

/** Whether the node would not be well without the pod, so that its agent never ends it for others. */
export function isCriticalPod(pod: Pod): boolean {
  return isMirrorPod(pod) || (pod.spec.priority ?? 0) >= clusterCriticalPriority;
}

/** The pods in the order in which they go: those above their requests, then by priority, then by how far they are above. */
export function evictionOrder<C extends Candidate>(resource: StarvedResource, candidates: readonly C[]): C[] {
  const ranked = candidates.map((candidate) => {
    const { pod, use } = candidate;
    const above = usedAboveRequest(resource, pod, use);
    return { candidate, above, exceeds: above === undefined || above > 0, priority: pod.spec.priority ?? 0 };
  });
  const unknownFirst = Number.POSITIVE_INFINITY;
  ranked.sort(
    (a, b) =>
      Number(a.above !== undefined) - Number(b.above !== undefined) ||
      Number(b.exceeds) - Number(a.exceeds) ||
      a.priority - b.priority ||
      compareNumbers(b.above ?? unknownFirst, a.above ?? unknownFirst),
  );
  return ranked.map(({ candidate }) => candidate);
}

/** Undefined when it is not known. */
function usedAboveRequest(resource: StarvedResource, pod: Pod, use: PodUse | undefined): number | undefined {
  // Engines do not count processes: the priority alone decides.
  if (resource === "pids") return 0;
  if (!use) return undefined;
  const used = { memory: use.memoryBytes, "ephemeral-storage": use.diskBytes, inodes: use.inodes }[resource];
  return used - quantityValue(podRequests(pod).get(resource) ?? "0");
}

const compareNumbers = (a: number, b: number) => (a < b ? -1 : a > b ? 1 : 0);

export interface EvictionNotice {
  readonly message: string;
  /** Of the pod's event. */
  readonly annotations: Readonly<Record<string, string>>;
}

export function evictionNotice(threshold: MetThreshold, { pod, use }: Candidate): EvictionNotice {
  const { resource, quantity, available } = threshold;
  let message = `The node was low on resource: ${resource}. Threshold quantity: ${quantity}, available: ${available}. `;
  if (!use) return { message, annotations: {} };
  const annotations: Record<string, string> = {};
  const says = (what: string, used: string, request: string) => {
    message += `${what} was using ${used}, request is ${request}, has larger consumption of ${resource}. `;
  };
  const ofPod = pod.spec.resources?.requests?.[resource];
  if (resource === "memory" && ofPod !== undefined) {
    const used = binaryQuantity(use.memoryBytes);
    says(`Pod ${pod.metadata.name}`, used, ofPod);
    annotations.offending_pod = pod.metadata.name;
    annotations.offending_pod_usage = used;
  }
  const offending: { readonly name: string; readonly used: string }[] = [];
  const specs = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  for (const container of use.containers) {
    const spec = specs.find(({ name }) => name === container.name);
    if (!spec || (resource !== "memory" && resource !== "ephemeral-storage")) continue;
    const used = binaryQuantity(resource === "memory" ? container.memoryBytes : container.diskBytes);
    const request = spec.resources?.requests?.[resource] ?? "0";
    if (compareQuantities(used, request) <= 0) continue;
    says(`Container ${container.name}`, used, request);
    offending.push({ name: container.name, used });
  }
  annotations.offending_containers = offending.map(({ name }) => name).join(",");
  annotations.offending_containers_usage = offending.map(({ used }) => used).join(",");
  annotations.starved_resource = resource;
  return { message, annotations };
}
