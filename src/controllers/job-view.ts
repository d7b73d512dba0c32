// What a job and its pods say together: who runs, who ended and is not counted yet, which indexes are done.
import { isPodActive, isPodReady, isPodTerminating, type Job, type Pod } from "../api/index.ts";
import { countOf, hasIndex, type IndexSet, indexSet, parseIndexes, unionOf } from "./job-indexes.ts";
import {
  completionIndex,
  endedMs,
  indexesOf,
  indexFailures,
  indexIgnoredFailures,
  isFailedFor,
  isIndexed,
  isTracked,
} from "./job-pods.ts";
import { judgeFailure } from "./job-policies.ts";

export interface JobView {
  readonly job: Job;
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  readonly ready: number;
  readonly terminating: number;
  /** Pods whose end no status knows yet; of indexed jobs only those with an index that there is. */
  readonly newSucceeded: readonly Pod[];
  readonly newFailed: readonly Pod[];
  /** The uids in status.uncountedTerminatedPods. */
  readonly uncountedSucceeded: ReadonlySet<string>;
  readonly uncountedFailed: ReadonlySet<string>;
  /** All that succeeded and failed up to now. */
  readonly succeeded: number;
  readonly failed: number;
  readonly indexes: IndexView | undefined;
}

/** Of an indexed job. */
export interface IndexView {
  readonly completed: IndexSet;
  /** With a backoff limit for each index: what the limit ended. */
  readonly failed: IndexSet | undefined;
  /** With such a limit: the last failed pod of each index that has no pod. It stays until its successor has its count. */
  readonly toReplace: ReadonlyMap<number, Pod>;
}

export function viewJob(job: Job, pods: readonly Pod[]): JobView {
  const { status } = job;
  const active = pods.filter(isPodActive);
  const uncountedSucceeded = new Set(status.uncountedTerminatedPods?.succeeded ?? []);
  const uncountedFailed = new Set(status.uncountedTerminatedPods?.failed ?? []);
  const isUncounted = ({ metadata: { uid } }: Pod) => uncountedSucceeded.has(uid) || uncountedFailed.has(uid);
  const valid = pods.filter((pod) => isTracked(pod) && (!isIndexed(job) || hasValidIndex(job, pod)));
  const fresh = valid.filter((pod) => !isUncounted(pod));
  const newSucceeded = fresh.filter((pod) => pod.status.phase === "Succeeded");
  const newFailed = fresh.filter((pod) => isFailedFor(job, pod));
  const indexes = isIndexed(job) ? viewIndexes(job, valid, active) : undefined;
  return {
    job,
    pods,
    active,
    ready: active.filter(isPodReady).length,
    terminating: pods.filter(isPodTerminating).length,
    newSucceeded,
    newFailed,
    uncountedSucceeded,
    uncountedFailed,
    succeeded: indexes
      ? countOf(indexes.completed)
      : (status.succeeded ?? 0) + uncountedSucceeded.size + newSucceeded.length,
    failed:
      (status.failed ?? 0) + uncountedFailed.size + newFailed.filter((pod) => judgeFailure(job, pod).counts).length,
    indexes,
  };
}

/** Whether the pod has an index that is one of the job's. */
export function hasValidIndex({ spec }: Job, pod: Pod): boolean {
  const index = completionIndex(pod);
  return index !== undefined && index < (spec.completions ?? 0);
}

/** `valid` are the tracked pods whose index there is. */
function viewIndexes(job: Job, valid: readonly Pod[], active: readonly Pod[]): IndexView {
  const { spec, status } = job;
  const completions = spec.completions ?? 0;
  const completed = unionOf(
    parseIndexes(status.completedIndexes, completions),
    indexSet(indexesOf(valid.filter((pod) => pod.status.phase === "Succeeded"))),
  );
  if (spec.backoffLimitPerIndex === undefined) return { completed, failed: undefined, toReplace: new Map() };
  const failedPods = valid.filter((pod) => isFailedFor(job, pod));
  const failed = unionOf(
    parseIndexes(status.failedIndexes, completions),
    indexSet(indexesOf(failedPods.filter((pod) => failsIndex(job, pod)))),
  );
  const running = indexSet(indexesOf(active));
  const toReplace = new Map<number, Pod>();
  for (const pod of failedPods) {
    const index = completionIndex(pod);
    if (index === undefined || [completed, failed, running].some((set) => hasIndex(set, index))) continue;
    const other = toReplace.get(index);
    if (!other || isLaterFailure(pod, other)) toReplace.set(index, pod);
  }
  return { completed, failed, toReplace };
}

function failsIndex(job: Job, pod: Pod): boolean {
  const verdict = judgeFailure(job, pod);
  return verdict.failsIndex || (verdict.counts && indexFailures(pod) >= (job.spec.backoffLimitPerIndex ?? 0));
}

function isLaterFailure(pod: Pod, other: Pod): boolean {
  const before = (each: Pod) => indexFailures(each) + indexIgnoredFailures(each);
  return before(pod) >= before(other) && endedMs(pod) >= endedMs(other);
}
