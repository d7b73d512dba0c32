// What a pod says to the job that it belongs to.
import { isRestartableInitContainer, type Job, type JobSpec, type Pod, podCondition } from "../api/index.ts";

/** Keeps a pod from vanishing before it is counted. */
export const trackingFinalizer = "batch.kubernetes.io/job-tracking";
/** The name of an annotation and of a label. */
export const completionIndexAnnotation = "batch.kubernetes.io/job-completion-index";
/** How many pods of the index failed before this one, and how many failures of it the policy ignored. */
export const indexFailureCountAnnotation = "batch.kubernetes.io/job-index-failure-count";
export const indexIgnoredFailureCountAnnotation = "batch.kubernetes.io/job-index-ignored-failure-count";

export function isIndexed({ spec }: Job): boolean {
  return spec.completionMode === "Indexed";
}

export function isSuspended({ spec }: Job): boolean {
  return spec.suspend === true;
}

/** Whether somebody else brings the job forward. */
export function isManagedElsewhere({ spec }: Job): boolean {
  return spec.managedBy !== undefined && spec.managedBy !== "kubernetes.io/job-controller";
}

/** Whether a pod that is ending is replaced only when it has ended. */
export function replacesOnlyEnded({ podReplacementPolicy, podFailurePolicy }: JobSpec): boolean {
  return podReplacementPolicy === "Failed" || podFailurePolicy !== undefined;
}

export function isTracked({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(trackingFinalizer) ?? false;
}

/**
 * Whether the pod counts as failed. One that is being deleted does so at once, for it may never get as far as to say that
 * it failed; unless the job waits for that.
 */
export function isFailedFor({ spec }: Job, pod: Pod): boolean {
  const phase = pod.status?.phase;
  if (phase === "Failed") return true;
  return !replacesOnlyEnded(spec) && pod.metadata.deletionTimestamp !== undefined && phase !== "Succeeded";
}

/** The index that the pod works on; undefined when it has none that can be read. */
export function completionIndex({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[completionIndexAnnotation];
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** The indexes of these pods. */
export function indexesOf(pods: readonly Pod[]): number[] {
  return pods.map(completionIndex).filter((index) => index !== undefined);
}

/** How many pods of its index failed before this one and counted. */
export function indexFailures(pod: Pod): number {
  return countIn(pod, indexFailureCountAnnotation);
}

export function indexIgnoredFailures(pod: Pod): number {
  return countIn(pod, indexIgnoredFailureCountAnnotation);
}

function countIn({ metadata }: Pod, annotation: string): number {
  const text = metadata.annotations?.[annotation] ?? "";
  const count = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  return count < 2 ** 31 ? count : 0;
}

/** When a pod that has ended, or is ending, did so: what its containers, its condition or its deletion say. */
export function endedMs(pod: Pod): number {
  const { metadata, spec, status } = pod;
  const sidecars = new Set((spec?.initContainers ?? []).filter(isRestartableInitContainer).map(({ name }) => name));
  // Sidecars end after the others.
  const statuses = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
  ];
  const ends = statuses.map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? ""));
  const last = ends.length === 0 ? Number.NaN : Math.max(...ends);
  if (!Number.isNaN(last)) return last;
  const ready = podCondition(pod, "Ready");
  if (ready?.status === "False" && ready.lastTransitionTime) return Date.parse(ready.lastTransitionTime);
  if (metadata.deletionTimestamp !== undefined)
    return Date.parse(metadata.deletionTimestamp) - Number(metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  return Date.parse(metadata.creationTimestamp);
}
