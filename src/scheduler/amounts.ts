import { type Pod, podRequests, type QuantityLike, quantityMilliValue, quantityValue } from "../api/index.ts";

/** Amounts of resources as numbers: adding and comparing quantities would cost more than all else in a plan. */
export interface Amounts {
  readonly milliCpu: number;
  readonly memoryBytes: number;
  readonly ephemeralBytes: number;
  /** Extended resources and huge pages by name. */
  readonly others: ReadonlyMap<string, number>;
}

const noOthers: ReadonlyMap<string, number> = new Map();

export const noAmounts: Amounts = { milliCpu: 0, memoryBytes: 0, ephemeralBytes: 0, others: noOthers };

/** What a container counts for in rankings when it asks for nothing: k8s.io/kubernetes/pkg/scheduler/util/pod_resources.go. */
const assumedMilliCpu = "100m";
const assumedMemory = "200Mi";

/** The amounts in a list of quantities by resource name; the number of pods is not among them. */
export function amountsOf(list: Iterable<readonly [string, QuantityLike]>): Amounts {
  let { milliCpu, memoryBytes, ephemeralBytes } = noAmounts;
  let others: Map<string, number> | undefined;
  for (const [name, quantity] of list) {
    if (name === "cpu") milliCpu = quantityMilliValue(quantity);
    else if (name === "memory") memoryBytes = quantityValue(quantity);
    else if (name === "ephemeral-storage") ephemeralBytes = quantityValue(quantity);
    else if (name !== "pods") {
      others ??= new Map();
      others.set(name, quantityValue(quantity));
    }
  }
  return { milliCpu, memoryBytes, ephemeralBytes, others: others ?? noOthers };
}

/** The amount of one resource. */
export function amountOf(amounts: Amounts, name: string): number {
  switch (name) {
    case "cpu":
      return amounts.milliCpu;
    case "memory":
      return amounts.memoryBytes;
    case "ephemeral-storage":
      return amounts.ephemeralBytes;
    default:
      return amounts.others.get(name) ?? 0;
  }
}

/** Whether every node has something of the resource. */
export function isBasicResource(name: string): boolean {
  return name === "cpu" || name === "memory" || name === "ephemeral-storage";
}

/** `a` with `sign` times `b` added. */
export function addAmounts(a: Amounts, b: Amounts, sign: 1 | -1): Amounts {
  let others = a.others;
  if (b.others.size > 0) {
    const sums = new Map(a.others);
    for (const [name, amount] of b.others) sums.set(name, (sums.get(name) ?? 0) + sign * amount);
    others = sums;
  }
  return {
    milliCpu: a.milliCpu + sign * b.milliCpu,
    memoryBytes: a.memoryBytes + sign * b.memoryBytes,
    ephemeralBytes: a.ephemeralBytes + sign * b.ephemeralBytes,
    others,
  };
}

/** The pod's requests, with an assumption for each container that asks for no cpu or no memory. */
export function assumedRequests(pod: Pod): Amounts {
  const withAssumed = (container: Pod["spec"]["containers"][number]) => ({
    ...container,
    resources: {
      ...container.resources,
      requests: { cpu: assumedMilliCpu, memory: assumedMemory, ...container.resources?.requests },
    },
  });
  const { containers, initContainers } = pod.spec;
  const spec = {
    ...pod.spec,
    containers: containers.map(withAssumed),
    ...(initContainers === undefined ? {} : { initContainers: initContainers.map(withAssumed) }),
  };
  return amountsOf(podRequests({ ...pod, spec }));
}
