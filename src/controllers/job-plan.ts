// What is to be done for a job: whether it ends, and which pods go and come. Pure: the limits, messages and reasons are
// those of k8s.io/kubernetes/pkg/controller/job.
import { isPodTerminal, isPodTerminating, type Job, type JobCondition, type Pod } from "../api/index.ts";
import { type FailureRecord, remainingMs, remainingOfIndexMs } from "./job-backoff.ts";
import { countOf, indexSet, missingIndexes, unionOf } from "./job-indexes.ts";
import { completionIndex, indexesOf, isFailedFor, isIndexed, isSuspended, replacesOnlyEnded } from "./job-pods.ts";
import { judgeFailure, metSuccessRule } from "./job-policies.ts";
import type { JobView } from "./job-view.ts";
import { podsToDelete } from "./pod-deletion-order.ts";

/** Pods created or deleted in one reconcile at most. */
export const podsPerReconcileMax = 500;

/** That the job ends and why. Its pods go first; then it is Complete or Failed with the same words. */
export interface Verdict {
  readonly type: "SuccessCriteriaMet" | "FailureTarget";
  readonly reason: string;
  readonly message: string;
}

export interface PodToCreate {
  readonly index?: number;
  /** The failed pod whose count of failures the new one goes on with. */
  readonly replaces?: Pod;
}

export interface JobPlan {
  readonly verdict?: Verdict;
  readonly remove: readonly Pod[];
  /** Whether the pods that are removed leave no trace: they are neither failed nor succeeded. */
  readonly removesUncounted: boolean;
  readonly create: readonly PodToCreate[];
  readonly afterMs?: number;
}

export function planJob(view: JobView, failures: FailureRecord, nowMs: number): JobPlan {
  const deadline = untilDeadlineMs(view.job, nowMs);
  const verdict = verdictOf(view, deadline);
  if (verdict) return { verdict, remove: view.active, removesUncounted: false, create: [] };
  const plan = planPods(view, failures, nowMs);
  const afterMs = earliest(plan.afterMs, deadline);
  return { ...plan, ...(afterMs === undefined ? {} : { afterMs }) };
}

/** Why the job ends though its completions are not reached. */
function verdictOf(view: JobView, deadlineMs: number | undefined): Verdict | undefined {
  const { job } = view;
  return (
    givenVerdict(job) ??
    failedByPolicy(view) ??
    (exceedsBackoffLimit(view)
      ? failure("BackoffLimitExceeded", "Job has reached the specified backoff limit")
      : undefined) ??
    (deadlineMs !== undefined && deadlineMs <= 0
      ? failure("DeadlineExceeded", "Job was active longer than specified deadline")
      : undefined) ??
    failedByIndexes(view) ??
    succeededByPolicy(view)
  );
}

const failure = (reason: string, message: string): Verdict => ({ type: "FailureTarget", reason, message });

/** What an earlier reconcile decided stays decided. */
function givenVerdict({ status }: Job): Verdict | undefined {
  for (const type of ["SuccessCriteriaMet", "FailureTarget"] as const) {
    const given = findCondition(status.conditions, type);
    if (given?.status === "True") return { type, reason: given.reason ?? "", message: given.message ?? "" };
  }
  return undefined;
}

export function findCondition(conditions: readonly JobCondition[] | undefined, type: string) {
  return conditions?.find((each) => each.type === type);
}

function failedByPolicy({ job, pods }: JobView): Verdict | undefined {
  if (!job.spec.podFailurePolicy) return undefined;
  for (const pod of pods) {
    const message = isFailedFor(job, pod) ? judgeFailure(job, pod).failsJob : undefined;
    if (message !== undefined) return failure("PodFailurePolicy", message);
  }
  return undefined;
}

function exceedsBackoffLimit({ job, pods, failed }: JobView): boolean {
  const limit = job.spec.backoffLimit ?? 6;
  if (failed > limit) return true;
  if (job.spec.template.spec.restartPolicy !== "OnFailure") return false;
  // Containers that are started again in their pod are failures, too.
  let restarts = 0;
  for (const pod of pods) {
    if (isPodTerminal(pod)) continue;
    const { status } = pod;
    for (const { restartCount } of status.initContainerStatuses ?? []) restarts += restartCount;
    for (const { restartCount } of status.containerStatuses ?? []) restarts += restartCount;
  }
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** The time until the job has run for too long. A suspended one does not run, and one that goes on starts anew. */
function untilDeadlineMs({ spec, status }: Job, nowMs: number): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || spec.suspend) return undefined;
  const isResuming = findCondition(status.conditions, "Suspended")?.status === "True";
  const startMs = status.startTime === undefined || isResuming ? nowMs : Date.parse(status.startTime);
  return startMs + Number(spec.activeDeadlineSeconds) * 1000 - nowMs;
}

function failedByIndexes({ job, indexes }: JobView): Verdict | undefined {
  if (!indexes?.failed) return undefined;
  const { maxFailedIndexes, completions = 0 } = job.spec;
  const failed = countOf(indexes.failed);
  if (maxFailedIndexes !== undefined && failed > maxFailedIndexes)
    return failure("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes");
  if (failed > 0 && failed + countOf(indexes.completed) >= completions)
    return failure("FailedIndexes", "Job has failed indexes");
  return undefined;
}

function succeededByPolicy({ job, indexes }: JobView): Verdict | undefined {
  const message = indexes && metSuccessRule(job, indexes.completed);
  return message === undefined ? undefined : { type: "SuccessCriteriaMet", reason: "SuccessPolicy", message };
}

const nothing = { remove: [], removesUncounted: false, create: [] } satisfies JobPlan;

function planPods(view: JobView, failures: FailureRecord, nowMs: number): JobPlan {
  const { job, active, terminating } = view;
  if (job.metadata.deletionTimestamp !== undefined) return nothing;
  const wanted = wantedPods(view);
  const remove = surplus(view, Math.max(0, active.length - wanted), nowMs);
  if (remove.length > 0)
    return {
      remove: remove.slice(0, podsPerReconcileMax),
      removesUncounted: true,
      create: [],
      ...(remove.length > podsPerReconcileMax ? { afterMs: 0 } : {}),
    };
  const leaving = replacesOnlyEnded(job.spec) ? terminating : 0;
  const missing = wanted - leaving - active.length;
  return missing > 0 ? planCreations(view, Math.min(missing, podsPerReconcileMax), failures, nowMs) : nothing;
}

function wantedPods({ job, active, succeeded }: JobView): number {
  if (isSuspended(job)) return 0;
  const { completions, parallelism = 1 } = job.spec;
  // Without completions the first success is the beginning of the end: who runs may finish, nobody comes.
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(parallelism, completions - succeeded));
}

/** At least `count` active pods; of an indexed job all that have no index of it, or one that another pod works on. */
function surplus({ job, active }: JobView, count: number, nowMs: number): readonly Pod[] {
  if (!isIndexed(job)) return count === 0 ? [] : podsToDelete(active, count, [], nowMs);
  const completions = job.spec.completions ?? 0;
  const byIndex = Map.groupBy(active, (pod) => {
    const index = completionIndex(pod);
    return index !== undefined && index < completions ? index : undefined;
  });
  const remove = [...(byIndex.get(undefined) ?? [])];
  byIndex.delete(undefined);
  const keep: Pod[] = [];
  for (const pods of byIndex.values()) {
    const doubles = pods.length === 1 ? [] : podsToDelete(pods, pods.length - 1, [], nowMs);
    remove.push(...doubles);
    keep.push(...pods.filter((pod) => !doubles.includes(pod)));
  }
  return count <= remove.length ? remove : [...remove, ...podsToDelete(keep, count - remove.length, [], nowMs)];
}

function planCreations(view: JobView, count: number, failures: FailureRecord, nowMs: number): JobPlan {
  const { indexes } = view;
  const waitMs = indexes?.failed ? 0 : remainingMs(failures, nowMs);
  if (waitMs > 0) return { ...nothing, afterMs: waitMs };
  const create = indexes ? indexesToCreate(view, count) : Array.from({ length: count }, () => ({}));
  if (!indexes?.failed) return { ...nothing, create };
  const wait = ({ replaces }: PodToCreate) => remainingOfIndexMs(replaces, nowMs);
  const later = create.map(wait).filter((ms) => ms > 0);
  return {
    ...nothing,
    create: create.filter((each) => wait(each) === 0),
    ...(later.length === 0 ? {} : { afterMs: Math.min(...later) }),
  };
}

/** The first indexes on which nobody works and which have not ended. */
function indexesToCreate({ job, pods, active, indexes }: JobView, count: number): PodToCreate[] {
  if (!indexes) return [];
  const busy = replacesOnlyEnded(job.spec) ? [...active, ...pods.filter(isPodTerminating)] : active;
  const settled = unionOf(indexes.completed, indexes.failed ?? []);
  const taken = unionOf(settled, indexSet(indexesOf(busy)));
  return missingIndexes(taken, job.spec.completions ?? 0, count).map((index) => {
    const replaces = indexes.toReplace.get(index);
    return { index, ...(replaces ? { replaces } : {}) };
  });
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
