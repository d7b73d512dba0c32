// CPU and memory of a pod that runs: what the node lets it have, and how its containers come to it; the kubelet's
// allocation manager (KEP-1287).
import {
  type Container,
  canonicalQuantity,
  compareQuantities,
  type Node,
  type Pod,
  podRequests,
  quantityMilliValue,
  quantityValue,
  type ResourceRequirements,
} from "../../api/index.ts";
import { deepEqual } from "../../lib/index.ts";
import { podCgroupLimits } from "../container/linux-resources.ts";
import type { ContainerStats, ContainerStatus } from "../engine/index.ts";
import type { CgroupLimits } from "../host.ts";
import { lacking } from "./admit-pod.ts";
import { findStatus } from "./find-status.ts";
import { containersOf, findContainer, type PodContainer } from "./pod-containers.ts";
import type { PodFailure } from "./pod-status.ts";
import type { PodView } from "./pod-view.ts";

/** The resources of containers, by name or id. */
export type Sizes = ReadonlyMap<string, ResourceRequirements>;

/** Where a pod stands on its way to other resources. */
export interface Resizing {
  /** What each container was last given, by its id. */
  readonly given: Sizes;
  /** What the pod's cgroup was last given. */
  readonly limits: CgroupLimits;
  /** Why the node does not let the pod have what it wants. */
  readonly pending: PodFailure | undefined;
  /** Why the last try failed. */
  readonly error: string | undefined;
}

const resizable = ["cpu", "memory"] as const;
type Resizable = (typeof resizable)[number];

export interface Allocation {
  /** The pod with the resources that it may have. */
  readonly pod: Pod;
  readonly pending: PodFailure | undefined;
}

/** Whether the pod, which has `allocated`, may have what its spec says beside `others`. */
export function allocate(
  wanted: Pod,
  allocated: Sizes,
  others: () => readonly Pod[],
  node: Node | undefined,
): Allocation {
  const before = withSizes(wanted, allocated);
  if (before === wanted || !node) return { pod: wanted, pending: undefined };
  const pending = refusal(withoutStatus(before), withoutStatus(wanted), others(), node);
  return { pod: pending ? before : wanted, pending };
}

function refusal(before: Pod, wanted: Pod, others: readonly Pod[], node: Node): PodFailure | undefined {
  const [now, next] = [podRequests(before), podRequests(wanted)];
  const allocatable = node.status?.allocatable ?? {};
  let grows = false;
  for (const name of resizable) {
    const [old, request, capacity] = [now.get(name), next.get(name), allocatable[name]];
    if (!request || (old && compareQuantities(request, old) <= 0)) continue;
    grows = true;
    if (capacity === undefined || compareQuantities(request, capacity) <= 0) continue;
    const number = name === "cpu" ? quantityMilliValue : quantityValue;
    const amounts = `requested: ${number(request)}, capacity: ${number(capacity)}`;
    return { reason: "Infeasible", message: `Node didn't have enough capacity: ${name}, ${amounts}` };
  }
  const lack = grows ? lacking(wanted, others, node) : undefined;
  return lack && { reason: "Deferred", message: lack.message.replace("Pod was rejected: ", "") };
}

/** The requests of a spec alone: a status tells of what was before. */
function withoutStatus(pod: Pod): Pod {
  return { ...pod, status: {} };
}

/** What the pod's containers were allowed so far, by name, as its status remembers it for an agent that starts. */
export function allocatedSizes(pod: Pod): Map<string, ResourceRequirements> {
  const sizes = new Map<string, ResourceRequirements>();
  for (const { spec } of containersOf(pod)) {
    const { allocatedResources: requests, resources } = findStatus(pod, spec.name) ?? {};
    const limits = resources?.limits;
    sizes.set(spec.name, { ...spec.resources, ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) });
  }
  return sizes;
}

/** What a container that runs already was given, as far as its status remembers. */
export function givenSize(pod: Pod, { id, name }: ContainerStatus): ResourceRequirements {
  const status = findStatus(pod, name);
  const isSame = status?.containerID?.endsWith(id) ?? false;
  return (isSame ? status?.resources : undefined) ?? findContainer(pod, name)?.spec.resources ?? {};
}

/** The pod with these sizes; the pod itself where it has them. */
export function withSizes(pod: Pod, sizes: Sizes): Pod {
  const resize = (containers: readonly Container[]) =>
    containers.map((container) => {
      const size = sizes.get(container.name);
      return !size || isSameSize(size, container.resources) ? container : { ...container, resources: size };
    });
  const containers = resize(pod.spec.containers);
  const init = resize(pod.spec.initContainers ?? []);
  const isSame = [...containers, ...init].every((each) => findContainer(pod, each.name)?.spec === each);
  if (isSame) return pod;
  return { ...pod, spec: { ...pod.spec, containers, ...(init.length > 0 ? { initContainers: init } : {}) } };
}

function isSameSize(a: ResourceRequirements | undefined, b: ResourceRequirements | undefined): boolean {
  return resizable.every((name) => !changes(a, b, name));
}

function changes(a: ResourceRequirements | undefined, b: ResourceRequirements | undefined, name: Resizable): boolean {
  const amounts = (size: ResourceRequirements | undefined) =>
    [size?.requests?.[name], size?.limits?.[name]].map((each) => each && canonicalQuantity(each));
  return !deepEqual(amounts(a), amounts(b));
}

/** The running containers that have other resources than they should. */
function wrongSized({ pod, containers, resizing }: PodView): { status: ContainerStatus; container: PodContainer }[] {
  return containers.flatMap((status) => {
    const container = status.state === "running" ? findContainer(pod, status.name) : undefined;
    const given = resizing.given.get(status.id);
    if (!container || !given || isSameSize(given, container.spec.resources)) return [];
    return [{ status, container }];
  });
}

/** Whether the container gets its resources only by a restart. */
export function restartsForSize({ resizing }: PodView, container: PodContainer, status: ContainerStatus): boolean {
  const given = resizing.given.get(status.id);
  const policies = container.spec.resizePolicy ?? [];
  return (
    given !== undefined &&
    resizable.some(
      (name) =>
        changes(given, container.spec.resources, name) &&
        policies.some((each) => each.resourceName === name && each.restartPolicy === "RestartContainer"),
    )
  );
}

export interface ResizeStep {
  /** The containers whose resources change while they run. */
  readonly containers: readonly { readonly status: ContainerStatus; readonly container: PodContainer }[];
  /** What the pod's cgroup gets first, and at the end: it never holds less than what is in it. */
  readonly limitsBefore: CgroupLimits;
  readonly limitsAfter: CgroupLimits;
}

/** What is to be done now; undefined when everything has the size that it should have. */
export function resizeStep(view: PodView): ResizeStep | undefined {
  const wrong = wrongSized(view);
  const containers = wrong.filter(({ status, container }) => !restartsForSize(view, container, status));
  const final = podCgroupLimits(view.pod);
  const limitsBefore = largerOf(view.resizing.limits, final);
  const limitsAfter = containers.length === wrong.length ? final : limitsBefore;
  if (containers.length === 0 && deepEqual(limitsAfter, view.resizing.limits)) return undefined;
  return { containers, limitsBefore, limitsAfter };
}

function largerOf(a: CgroupLimits, b: CgroupLimits): CgroupLimits {
  const larger = (one: number | undefined, other: number | undefined) =>
    one === undefined || other === undefined ? undefined : Math.max(one, other);
  const cpuQuota = larger(a.cpuQuota, b.cpuQuota);
  const memoryLimitBytes = larger(a.memoryLimitBytes, b.memoryLimitBytes);
  return {
    cpuShares: Math.max(a.cpuShares, b.cpuShares),
    ...(cpuQuota === undefined ? {} : { cpuQuota }),
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
  };
}

export function lowersMemory(given: ResourceRequirements | undefined, wanted: ResourceRequirements = {}): boolean {
  const [before, after] = [given?.limits?.memory, wanted.limits?.memory];
  return after !== undefined && (before === undefined || compareQuantities(after, before) < 0);
}

/** Throws when a container uses more memory than it is to have: the kernel would end it. */
export function checkUsage(containers: ResizeStep["containers"], stats: readonly ContainerStats[]): void {
  for (const { status, container } of containers) {
    const limit = quantityValue(container.spec.resources?.limits?.memory ?? "0");
    const usage = stats.find(({ containerId }) => containerId === status.id)?.memoryWorkingSetBytes ?? 0;
    if (usage > limit)
      throw new Error(
        `attempting to set container ${JSON.stringify(status.name)} memory limit (${limit}) below current usage (${usage})`,
      );
  }
}

/** Whether a container is on its way to other resources. */
export function isResizing(view: PodView): boolean {
  return wrongSized(view).length > 0;
}
