import {
  addQuantities,
  compareQuantities,
  type ParsedQuantity,
  parseQuantity,
  quantitySign,
} from "../meta/quantity.ts";
import type { Container, ContainerStatus, Pod, PodSpec, PodStatus, Quantity } from "../types.generated.ts";

/** Quantities by resource name; `quantityMilliValue` and `quantityValue` make numbers of them. */
export type ResourceAmounts = ReadonlyMap<string, ParsedQuantity>;

type Amounts = Map<string, ParsedQuantity>;
type ResourceList = Readonly<Record<string, Quantity>> | undefined;

/** Whether the init container keeps running beside the others (a sidecar). */
export function isRestartableInitContainer(container: Container): boolean {
  return container.restartPolicy === "Always";
}

/**
 * What a node must have free for the pod: the sum of its containers and sidecars, or what its init containers need at
 * their time, whichever is more; what the pod as a whole asks for comes before that of its containers; plus the overhead
 * of its runtime class. While a container is resized, it counts for the most of what it asks for, has been given and
 * has. https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
 */
export function podRequests(pod: Pod): ResourceAmounts {
  // A pod on its way into the cluster has no status yet.
  const status: PodStatus = pod.status ?? {};
  const statuses = statusesWithResources(pod.spec, status);
  const infeasible = isResizeInfeasible(status);
  const total = containerAmounts(pod, (container) => {
    const { requests } = container.resources ?? {};
    const running = statuses?.get(container.name);
    if (!running) return requests;
    return mostOf([infeasible ? undefined : requests, running.resources?.requests, running.allocatedResources]);
  });
  for (const [name, amount] of Object.entries(pod.spec.resources?.requests ?? {}))
    if (isPodLevelResource(name)) total.set(name, parseQuantity(amount));
  add(total, pod.spec.overhead);
  return total;
}

/** What the pod may use at most; resources without a limit are left out. */
export function podLimits(pod: Pod): ResourceAmounts {
  return wholeLimits(pod, ({ resources }) => resources?.limits);
}

/** As podLimits, but while a container is resized it counts for the most of what it may use by its spec and does now. */
export function podLimitsInForce(pod: Pod): ResourceAmounts {
  const status: PodStatus = pod.status ?? {};
  const statuses = statusesWithResources(pod.spec, status);
  const infeasible = isResizeInfeasible(status);
  return wholeLimits(pod, ({ name, resources }) => {
    const running = statuses?.get(name);
    if (!running) return resources?.limits;
    return mostOf([infeasible ? undefined : resources?.limits, running.resources?.limits]);
  });
}

function wholeLimits(pod: Pod, listOf: (container: Container) => ResourceList): ResourceAmounts {
  const total = containerAmounts(pod, listOf);
  for (const [name, amount] of Object.entries(pod.spec.resources?.limits ?? {}))
    if (isPodLevelResource(name)) total.set(name, parseQuantity(amount));
  for (const [name, amount] of Object.entries(pod.spec.overhead ?? {})) {
    const limit = total.get(name);
    if (limit && quantitySign(limit) !== 0) total.set(name, addQuantities(limit, amount));
  }
  return total;
}

/** What the pod's containers ask for together, without what the pod asks for as a whole and without overhead. */
export function aggregateContainerRequests(pod: Pick<Pod, "spec">): ResourceAmounts {
  return containerAmounts(pod, ({ resources }) => resources?.requests);
}

/** What the pod's containers may use together, without what the pod may use as a whole and without overhead. */
export function aggregateContainerLimits(pod: Pick<Pod, "spec">): ResourceAmounts {
  return containerAmounts(pod, ({ resources }) => resources?.limits);
}

/** The containers that run with resources that may not be those of the spec, by name; undefined when none does. */
function statusesWithResources(spec: PodSpec, status: PodStatus): ReadonlyMap<string, ContainerStatus> | undefined {
  const isSidecar = (name: string) =>
    spec.initContainers?.some((container) => container.name === name && isRestartableInitContainer(container));
  const all = [
    ...(status.containerStatuses ?? []),
    ...(status.initContainerStatuses ?? []).filter(({ name }) => isSidecar(name)),
  ];
  const resized = all.filter(({ resources }) => resources);
  return resized.length === 0 ? undefined : new Map(resized.map((each) => [each.name, each]));
}

/** Whether the node can never give what the pod was resized to. */
function isResizeInfeasible({ conditions }: PodStatus): boolean {
  return conditions?.find(({ type }) => type === "PodResizePending")?.reason === "Infeasible";
}

/** The largest of the amounts of each resource. */
function mostOf(lists: readonly ResourceList[]): ResourceList {
  const most = new Map<string, Quantity>();
  for (const list of lists)
    for (const [name, amount] of Object.entries(list ?? {})) {
      const before = most.get(name);
      if (before === undefined || compareQuantities(before, amount) < 0) most.set(name, amount);
    }
  return Object.fromEntries(most);
}

/** Whether a pod can ask for the resource as a whole. */
export function isPodLevelResource(name: string): boolean {
  return name === "cpu" || name === "memory" || name.startsWith("hugepages-");
}

function containerAmounts(pod: Pick<Pod, "spec">, listOf: (container: Container) => ResourceList): Amounts {
  const total: Amounts = new Map();
  for (const container of pod.spec.containers) add(total, listOf(container));
  const sidecars: Amounts = new Map();
  const initial: Amounts = new Map();
  for (const container of pod.spec.initContainers ?? []) {
    const list = listOf(container);
    if (isRestartableInitContainer(container)) {
      add(total, list);
      add(sidecars, list);
      raise(initial, sidecars);
    } else {
      // An init container runs beside the sidecars that were started before it.
      const together: Amounts = new Map(sidecars);
      add(together, list);
      raise(initial, together);
    }
  }
  raise(total, initial);
  return total;
}

function add(total: Amounts, list: ResourceList): void {
  for (const [name, amount] of Object.entries(list ?? {})) {
    const before = total.get(name);
    total.set(name, before ? addQuantities(before, amount) : parseQuantity(amount));
  }
}

function raise(total: Amounts, other: ResourceAmounts): void {
  for (const [name, amount] of other) {
    const before = total.get(name);
    if (!before || compareQuantities(before, amount) < 0) total.set(name, amount);
  }
}
