// What is counted of jobs, under the names of pkg/controller/job/metrics.
import { isPodTerminal, type Job, type JobStatus, type Pod } from "../api/index.ts";
import { exponentialBuckets, type MetricRegistry } from "../lib/index.ts";
import { countOf, parseIndexes } from "./job-indexes.ts";
import { findCondition, type JobPlan } from "./job-plan.ts";
import { isIndexed, isManagedElsewhere, isSuspended, isTracked } from "./job-pods.ts";
import type { JobView } from "./job-view.ts";

/** What a reconcile of a job did about its pods. */
export type SyncAction = "reconciling" | "tracking" | "pods_created" | "pods_deleted";

/** How many other controllers are told apart: jobs may name any. */
const managersMax = 100;

export class JobMetrics {
  readonly #syncs;
  readonly #syncSeconds;
  readonly #finished;
  readonly #podsFinished;
  readonly #indexesFinished;
  readonly #podsCreated;
  readonly #failuresHandled;
  readonly #endedPods;
  readonly #managedElsewhere;
  readonly #managers = new Set<string>();

  constructor(metrics: MetricRegistry) {
    const sync = ["completion_mode", "result", "action"];
    this.#syncs = metrics.counter({ name: "job_controller_job_syncs_total", help: "Looks at jobs.", labels: sync });
    this.#syncSeconds = metrics.histogram({
      name: "job_controller_job_sync_duration_seconds",
      help: "How long a look at a job took.",
      labels: sync,
      buckets: exponentialBuckets(0.004, 2, 15),
    });
    this.#finished = metrics.counter({
      name: "job_controller_jobs_finished_total",
      help: "Jobs that ended.",
      labels: ["completion_mode", "result", "reason"],
    });
    this.#podsFinished = metrics.counter({
      name: "job_controller_job_pods_finished_total",
      help: "Pods that ended and are counted in their job's status; of indexed jobs those that finished an index.",
      labels: ["completion_mode", "result"],
    });
    this.#indexesFinished = metrics.counter({
      name: "job_controller_job_finished_indexes_total",
      help: "Indexes that ended.",
      labels: ["status", "backoffLimit"],
    });
    this.#podsCreated = metrics.counter({
      name: "job_controller_job_pods_creation_total",
      help: "Attempts to create pods, by why they are needed.",
      labels: ["reason", "status"],
    });
    this.#failuresHandled = metrics.counter({
      name: "job_controller_pod_failures_handled_by_failure_policy_total",
      help: "Failed pods that a rule of a failure policy matched, by its action.",
      labels: ["action"],
    });
    this.#endedPods = metrics.counter({
      name: "job_controller_terminated_pods_tracking_finalizer_total",
      help: "Ended pods that came to have the finalizer of jobs, and that lost it.",
      labels: ["event"],
    });
    this.#managedElsewhere = metrics.counter({
      name: "job_controller_jobs_by_external_controller_total",
      help: "Jobs that another controller manages.",
      labels: ["controller_name"],
    });
  }

  synced(job: Job, action: SyncAction, result: "success" | "error", seconds: number): void {
    const labels = [modeOf(job), result, action];
    this.#syncs.with(...labels).add();
    this.#syncSeconds.with(...labels).observe(seconds);
  }

  created(view: JobView, succeeded: number, failed: number): void {
    const reason = creationReason(view);
    if (succeeded > 0) this.#podsCreated.with(reason, "succeeded").add(succeeded);
    if (failed > 0) this.#podsCreated.with(reason, "failed").add(failed);
  }

  /** The job's status was written. */
  written(job: Job, status: JobStatus): void {
    const mode = modeOf(job);
    const grown = (count: (status: JobStatus) => number) => Math.max(0, count(status) - count(job.status));
    let succeeded = grown((each) => each.succeeded ?? 0);
    if (isIndexed(job)) {
      const limit = job.spec.backoffLimitPerIndex === undefined ? "global" : "perIndex";
      // Of as many indexes as there are now: their number may have become smaller.
      const indexes = (text: string | undefined) => countOf(parseIndexes(text, job.spec.completions ?? 0));
      succeeded = grown((each) => indexes(each.completedIndexes));
      this.#indexesFinished.with("succeeded", limit).add(succeeded);
      this.#indexesFinished.with("failed", limit).add(grown((each) => indexes(each.failedIndexes)));
    }
    this.#podsFinished.with(mode, "succeeded").add(succeeded);
    this.#podsFinished.with(mode, "failed").add(grown((each) => each.failed ?? 0));
    for (const [type, result] of [
      ["Complete", "succeeded"],
      ["Failed", "failed"],
    ] as const) {
      const end = findCondition(status.conditions, type);
      if (end?.status === "True") this.#finished.with(mode, result, end.reason ?? "").add();
    }
  }

  failuresHandled(actions: readonly string[]): void {
    for (const action of actions) this.#failuresHandled.with(action).add();
  }

  /** A pod came or changed; `now` is undefined when it is gone. */
  podChanged(before: Pod | undefined, now: Pod | undefined): void {
    const had = before !== undefined && isEndedAndTracked(before);
    const has = now !== undefined && isEndedAndTracked(now);
    if (had !== has) this.#endedPods.with(has ? "add" : "delete").add();
  }

  jobCame(job: Job): void {
    const { managedBy = "" } = job.spec;
    if (!isManagedElsewhere(job)) return;
    if (this.#managers.size < managersMax) this.#managers.add(managedBy);
    if (this.#managers.has(managedBy)) this.#managedElsewhere.with(managedBy).add();
  }
}

/** What is done to the pods of a job that goes on. */
export function actionOf({ job }: JobView, { verdict, remove, create }: JobPlan): SyncAction {
  if (verdict || job.metadata.deletionTimestamp !== undefined) return "reconciling";
  if (isSuspended(job) || remove.length > 0) return "pods_deleted";
  return create.length > 0 ? "pods_created" : "tracking";
}

function creationReason({ job, failed, terminating }: JobView): string {
  if (failed > 0 && job.spec.podReplacementPolicy === "Failed") return "recreate_failed";
  return failed > 0 || terminating > 0 ? "recreate_terminating_or_failed" : "new";
}

const modeOf = (job: Job) => (isIndexed(job) ? "Indexed" : "NonIndexed");
const isEndedAndTracked = (pod: Pod) => isPodTerminal(pod) && isTracked(pod);
