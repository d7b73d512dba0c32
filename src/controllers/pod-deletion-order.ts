// Which pods go first when there are too many: the order of ActivePodsWithRanks in pkg/controller/controller_utils.go.
import { isPodReady, isRestartableInitContainer, type Pod, podCondition, podDeletionCost } from "../api/index.ts";

interface Ranked {
  readonly pod: Pod;
  /** How many pods of the same owner family run on this pod's node. */
  readonly neighbours: number;
}

/** The `count` pods of `pods` that are missed least. `family` are the active pods of the same Deployment, say. */
export function podsToDelete(
  pods: readonly Pod[],
  count: number,
  family: readonly Pod[],
  nowMs: number,
): readonly Pod[] {
  if (count >= pods.length) return pods;
  const onNode = new Map<string, number>();
  for (const { spec } of family) {
    if (spec.nodeName) onNode.set(spec.nodeName, (onNode.get(spec.nodeName) ?? 0) + 1);
  }
  const ranked = pods.map((pod) => ({ pod, neighbours: onNode.get(pod.spec.nodeName ?? "") ?? 0 }));
  ranked.sort((a, b) => compare(a, b, nowMs));
  return ranked.slice(0, count).map(({ pod }) => pod);
}

const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** Below zero when `a` goes before `b`. */
function compare(a: Ranked, b: Ranked, nowMs: number): number {
  return (
    firstWhere(a, b, ({ pod }) => !pod.spec.nodeName) ||
    phase(a.pod) - phase(b.pod) ||
    firstWhere(a, b, ({ pod }) => !isPodReady(pod)) ||
    podDeletionCost(a.pod) - podDeletionCost(b.pod) ||
    b.neighbours - a.neighbours ||
    (isPodReady(a.pod) ? compareAge(readySinceMs(a.pod), readySinceMs(b.pod), a, b, nowMs) : 0) ||
    mostRestarts(b.pod) - mostRestarts(a.pod) ||
    mostSidecarRestarts(b.pod) - mostSidecarRestarts(a.pod) ||
    compareAge(createdMs(a.pod), createdMs(b.pod), a, b, nowMs)
  );
}

function firstWhere(a: Ranked, b: Ranked, goes: (each: Ranked) => boolean): number {
  return Number(goes(b)) - Number(goes(a));
}

function phase({ status }: Pod): number {
  return phaseOrder[status?.phase ?? ""] ?? 0;
}

function readySinceMs(pod: Pod): number {
  return Date.parse(podCondition(pod, "Ready")?.lastTransitionTime ?? "");
}

function createdMs({ metadata }: Pod): number {
  return Date.parse(metadata.creationTimestamp);
}

/**
 * The younger goes first, but ages within one power of two count as equal and the uid decides, so that pods of all ages
 * go (KEP-2185). An unknown age is young.
 */
function compareAge(aMs: number, bMs: number, a: Ranked, b: Ranked, nowMs: number): number {
  if (Number.isNaN(aMs) || Number.isNaN(bMs)) return Number(Number.isNaN(bMs)) - Number(Number.isNaN(aMs));
  if (aMs === bMs) return 0;
  const difference = ageRank(nowMs - aMs) - ageRank(nowMs - bMs);
  if (difference !== 0) return difference;
  return a.pod.metadata.uid < b.pod.metadata.uid ? -1 : 1;
}

/** The power of two of an age in nanoseconds, the unit in which upstream draws the borders. */
function ageRank(ageMs: number): number {
  return ageMs <= 0 ? -1 : Math.floor(Math.log2(ageMs * 1e6));
}

function mostRestarts({ status }: Pod): number {
  return Math.max(0, ...(status?.containerStatuses ?? []).map((each) => each.restartCount));
}

function mostSidecarRestarts({ spec, status }: Pod): number {
  const sidecars = new Set((spec.initContainers ?? []).filter(isRestartableInitContainer).map(({ name }) => name));
  const restarts = (status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name));
  return Math.max(0, ...restarts.map(({ restartCount }) => restartCount));
}
