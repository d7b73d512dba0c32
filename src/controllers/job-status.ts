// What a job's status says, and which pods it has counted. A pod is counted once, whatever happens in between: its uid is
// written to status.uncountedTerminatedPods, then its finalizer is removed, then the uid becomes a number. A uid whose pod
// has no finalizer any more is due to become one; a pod with a finalizer is not counted yet. An index needs no uid, for
// it succeeds only once. https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-tracking-with-finalizers
import { isPodReady, type Job, type JobCondition, type JobStatus, type Pod } from "../api/index.ts";
import { type Draft, deepCopy, timestamp } from "../lib/index.ts";
import { formatIndexes } from "./job-indexes.ts";
import { findCondition, type JobPlan, podsPerReconcileMax, type Verdict } from "./job-plan.ts";
import { isFailedFor, isIndexed, isSuspended, isTracked } from "./job-pods.ts";
import { type FailureVerdict, judgeFailure } from "./job-policies.ts";
import { hasValidIndex, type JobView } from "./job-view.ts";

/** What became of a plan. */
export interface Outcome {
  /** The pods of `plan.remove` that are gone or going. */
  readonly removed: readonly Pod[];
  readonly created: number;
  /** Whether nothing can be created any more, as the namespace is being deleted. */
  readonly refused: boolean;
}

export interface JobReport {
  /** To be written before the pods of `untrack` lose their finalizers. */
  readonly status: JobStatus;
  /** The uids of the pods that have the finalizer. */
  readonly tracked: ReadonlySet<string>;
  readonly untrack: readonly Pod[];
  /** The actions of the failure policy for those of them that it was asked about. */
  readonly judged: readonly string[];
  /** Whether there are more pods to be counted than one reconcile takes. */
  readonly more: boolean;
  readonly verdict?: Verdict;
  /** What happened to the condition Suspended. */
  readonly turn?: "Suspended" | "Resumed";
}

export function reportJob(view: JobView, plan: JobPlan, outcome: Outcome, nowMs: number): JobReport {
  const { removed, created, refused } = outcome;
  const { job, indexes } = view;
  const active = view.active.length - removed.length + created;
  const verdict = active > 0 ? undefined : (plan.verdict ?? completion(view));
  const turn = verdict || plan.verdict ? undefined : suspensionTurn(job);
  const status = deepCopy(job.status);
  const tracked = new Set(view.pods.filter(isTracked).map(({ metadata }) => metadata.uid));
  settle(status, (uid) => tracked.has(uid));
  // The pod that follows a failed one in its index takes over its count of failures; until then it stays. Where none can
  // follow it would keep its namespace from going for ever: the job goes only after all pods have gone (KEP-5080).
  const kept = new Set(refused ? [] : indexes?.toReplace.values());
  const counting = planCounting(view, verdict, plan.removesUncounted ? new Set(removed) : new Set(), kept);
  status.uncountedTerminatedPods = withUids(status.uncountedTerminatedPods, counting);
  setCount(status, "active", active);
  status.ready = view.ready - removed.filter(isPodReady).length;
  status.terminating = view.terminating + removed.length;
  if (indexes) {
    setCount(status, "succeeded", view.succeeded);
    status.completedIndexes = formatIndexes(indexes.completed);
    if (status.completedIndexes === "") delete status.completedIndexes;
    if (indexes.failed) status.failedIndexes = formatIndexes(indexes.failed);
  }
  // A job that is suspended has not started. One that ends then starts as it ends, unless it had nothing to do.
  const starts = !isSuspended(job) || (verdict && job.spec.completions !== 0);
  if (turn === "Resumed" || (status.startTime === undefined && starts)) status.startTime = timestamp(nowMs);
  if (turn === "Suspended") setCondition(status, "Suspended", "True", "JobSuspended", "Job suspended", nowMs);
  if (turn === "Resumed") setCondition(status, "Suspended", "False", "JobResumed", "Job resumed", nowMs);
  if (verdict) setCondition(status, verdict.type, "True", verdict.reason, verdict.message, nowMs);
  const { untrack, judged, more } = counting;
  return { status, tracked, untrack, judged, more, ...(verdict ? { verdict } : {}), ...(turn ? { turn } : {}) };
}

/** `status` with the pods of `untracked` as numbers, and with the end of the job when nothing is left to be counted. */
export function concludeJob(
  { status, tracked, more, verdict }: JobReport,
  untracked: ReadonlySet<string>,
  nowMs: number,
): { readonly status: JobStatus; readonly ended: boolean } {
  const next = deepCopy(status);
  settle(next, (uid) => tracked.has(uid) && !untracked.has(uid));
  const { succeeded = [], failed = [] } = next.uncountedTerminatedPods ?? {};
  const isCounted = !more && succeeded.length === 0 && failed.length === 0;
  if (!verdict || !isCounted || (next.terminating ?? 0) > 0) return { status: next, ended: false };
  const type = verdict.type === "FailureTarget" ? "Failed" : "Complete";
  setCondition(next, type, "True", verdict.reason, verdict.message, nowMs);
  if (type === "Complete") next.completionTime = timestamp(nowMs);
  return { status: next, ended: true };
}

/** The ordinary end: everything is done, and nobody is at it any more. */
function completion({ job, succeeded }: JobView): Verdict | undefined {
  const isComplete = succeeded >= (job.spec.completions ?? 1);
  if (!isComplete) return undefined;
  const message = "Reached expected number of succeeded pods";
  return { type: "SuccessCriteriaMet", reason: "CompletionsReached", message };
}

function suspensionTurn(job: Job): "Suspended" | "Resumed" | undefined {
  if (job.metadata.deletionTimestamp !== undefined) return undefined;
  const wasSuspended = findCondition(job.status.conditions, "Suspended")?.status === "True";
  if (isSuspended(job) === wasSuspended) return undefined;
  return wasSuspended ? "Resumed" : "Suspended";
}

interface Counting {
  readonly untrack: readonly Pod[];
  readonly judged: readonly string[];
  readonly succeeded: readonly string[];
  readonly failed: readonly string[];
  readonly more: boolean;
}

/** Whose finalizer can go, and the uids that must be written before. Those that are written already come first. */
function planCounting(
  view: JobView,
  verdict: Verdict | undefined,
  gone: ReadonlySet<Pod>,
  kept: ReadonlySet<Pod>,
): Counting {
  const { job, pods, uncountedSucceeded, uncountedFailed } = view;
  const isWritten = ({ metadata: { uid } }: Pod) => uncountedSucceeded.has(uid) || uncountedFailed.has(uid);
  const isDue = (pod: Pod) => {
    if (job.metadata.deletionTimestamp !== undefined || verdict || pod.status.phase === "Succeeded") return true;
    return isFailedFor(job, pod) && !kept.has(pod);
  };
  const due = pods.filter((pod) => isTracked(pod) && !gone.has(pod) && isDue(pod));
  const untrack = [...due.filter(isWritten), ...due.filter((pod) => !isWritten(pod))].slice(0, podsPerReconcileMax);
  const succeeded: string[] = [];
  const failed: string[] = [];
  const judged: string[] = [];
  for (const pod of untrack) {
    if (isWritten(pod)) continue;
    if (pod.status.phase === "Succeeded") {
      if (!isIndexed(job)) succeeded.push(pod.metadata.uid);
      continue;
    }
    const failure = failureOf(job, verdict, pod);
    if (failure?.counts) failed.push(pod.metadata.uid);
    if (failure?.action) judged.push(failure.action);
  }
  return { untrack, judged, succeeded, failed, more: due.length > untrack.length };
}

/** When a job fails, whoever has not ended has failed. */
function failureOf(job: Job, verdict: Verdict | undefined, pod: Pod): FailureVerdict | undefined {
  if (!isFailedFor(job, pod) && verdict?.type !== "FailureTarget") return undefined;
  if (isIndexed(job) && !hasValidIndex(job, pod)) return undefined;
  return judgeFailure(job, pod);
}

function withUids(
  { succeeded = [], failed = [] }: NonNullable<Draft<JobStatus>["uncountedTerminatedPods"]> = {},
  more: Counting,
): NonNullable<Draft<JobStatus>["uncountedTerminatedPods"]> {
  const all = { succeeded: [...succeeded, ...more.succeeded], failed: [...failed, ...more.failed] };
  return {
    ...(all.succeeded.length > 0 ? { succeeded: all.succeeded } : {}),
    ...(all.failed.length > 0 ? { failed: all.failed } : {}),
  };
}

/** Makes numbers of the uids whose pods have no finalizer any more. */
function settle(status: Draft<JobStatus>, isTracked: (uid: string) => boolean): void {
  const uncounted = status.uncountedTerminatedPods ?? {};
  for (const field of ["succeeded", "failed"] as const) {
    const uids = uncounted[field] ?? [];
    const left = uids.filter(isTracked);
    setCount(status, field, (status[field] ?? 0) + uids.length - left.length);
    if (left.length > 0) uncounted[field] = left;
    else delete uncounted[field];
  }
  status.uncountedTerminatedPods = uncounted;
}

/** The API leaves these out when they are zero. */
function setCount(status: Draft<JobStatus>, field: "active" | "succeeded" | "failed", count: number): void {
  if (count > 0) status[field] = count;
  else delete status[field];
}

function setCondition(
  status: Draft<JobStatus>,
  type: string,
  value: string,
  reason: string,
  message: string,
  nowMs: number,
): void {
  const known = findCondition(status.conditions, type);
  if (known?.status === value && known.reason === reason && known.message === message) return;
  const at = timestamp(nowMs);
  const next: Draft<JobCondition> = { type, status: value, lastProbeTime: at, lastTransitionTime: at, reason, message };
  const conditions = status.conditions ?? [];
  status.conditions = known ? conditions.map((each) => (each.type === type ? next : each)) : [...conditions, next];
}
