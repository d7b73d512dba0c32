// Which pods make room for a critical one that the node must run: pure; pkg/kubelet/preemption/preemption.go. The scheduler
// does the same for its pods; this is for those that named the node themselves.
import { type Pod, podQos, podRequests, quantityMilliValue, quantityValue } from "../../api/index.ts";
import { isCriticalPod } from "../eviction/eviction-order.ts";

/** How much of a resource is missing: thousandths of a cpu, whole units of all others. */
export interface Shortage {
  readonly name: string;
  readonly amount: number;
}

/** As few and as unimportant pods as give what is missing; undefined where no pods that may go would give it. */
export function podsToPreempt(pod: Pod, others: readonly Pod[], missing: readonly Shortage[]): Pod[] | undefined {
  const groups = groupsByImportance(others.filter((each) => outranks(pod, each)));
  if (remaining(missing, groups.flat()).length > 0) return undefined;
  const chosen: Pod[] = [];
  // The most important are asked last: only for what all below them together do not give.
  for (let index = groups.length - 1; index >= 0; index--) {
    const below = groups.slice(0, index).flat();
    chosen.push(...closest(groups[index]!, remaining(remaining(missing, below), chosen)));
  }
  return chosen;
}

function outranks(pod: Pod, other: Pod): boolean {
  if (isCriticalPod(pod) && !isCriticalPod(other)) return true;
  return (pod.spec.priority ?? 0) > (other.spec.priority ?? 0);
}

const qosRank = { BestEffort: 0, Burstable: 1, Guaranteed: 2 } as const;

/** Pods of one rank and class together, the least important first. */
function groupsByImportance(pods: readonly Pod[]): Pod[][] {
  const rank = (pod: Pod) => qosRank[podQos(pod)];
  const compare = (a: Pod, b: Pod) => (outranks(a, b) ? 1 : outranks(b, a) ? -1 : rank(a) - rank(b));
  const groups: Pod[][] = [];
  for (const pod of [...pods].sort(compare)) {
    const last = groups.at(-1);
    if (last?.[0] && compare(last[0], pod) === 0) last.push(pod);
    else groups.push([pod]);
  }
  return groups;
}

/** Takes those that come closest to what is missing, and of equal ones the smaller, until nothing is. */
function closest(pods: readonly Pod[], missing: readonly Shortage[]): Pod[] {
  const left = [...pods];
  const chosen: Pod[] = [];
  let lacks = missing;
  while (lacks.length > 0 && left.length > 0) {
    const lacking = lacks;
    left.sort((a, b) => distance(a, lacking) - distance(b, lacking) || size(a, b));
    const [best] = left.splice(0, 1);
    if (!best) break;
    chosen.push(best);
    lacks = remaining(lacks, [best]);
  }
  return chosen;
}

/** 0 for a pod that gives everything; each resource weighs the same. */
function distance(pod: Pod, missing: readonly Shortage[]): number {
  return missing.reduce((sum, { name, amount }) => sum + (Math.max(0, amount - requestOf(pod, name)) / amount) ** 2, 0);
}

function size(a: Pod, b: Pod): number {
  return requestOf(a, "memory") - requestOf(b, "memory") || requestOf(a, "cpu") - requestOf(b, "cpu");
}

/** What is missing still when these pods have gone. */
function remaining(missing: readonly Shortage[], pods: readonly Pod[]): Shortage[] {
  return missing
    .map(({ name, amount }) => ({ name, amount: pods.reduce((left, pod) => left - requestOf(pod, name), amount) }))
    .filter(({ amount }) => amount > 0);
}

function requestOf(pod: Pod, name: string): number {
  if (name === "pods") return 1;
  const request = podRequests(pod).get(name);
  if (!request) return 0;
  return name === "cpu" ? quantityMilliValue(request) : quantityValue(request);
}
