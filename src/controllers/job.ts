// Runs pods until enough of them succeed. https://kubernetes.io/docs/concepts/workloads/controllers/job/
import {
  controllerOf,
  controllerUidLabel,
  isGone,
  isJobFinished,
  type Job,
  type JobStatus,
  Jobs,
  type KubeObject,
  matchesLabelSelector,
  type Pod,
  Pods,
} from "../api/index.ts";
import { also, type Cache, defineController, type Key, keyOf, type ReconcileContext } from "../client/index.ts";
import { deepEqual, MetricRegistry } from "../lib/index.ts";
import { claimObjects, orphanIndex } from "./claim.ts";
import { type FailureRecord, noFailures, recordEnded } from "./job-backoff.ts";
import { actionOf, JobMetrics, type SyncAction } from "./job-metrics.ts";
import { type JobPlan, planJob } from "./job-plan.ts";
import { isManagedElsewhere, isTracked, trackingFinalizer } from "./job-pods.ts";
import { concludeJob, type JobReport, type Outcome, reportJob } from "./job-status.ts";
import { podForIndex, podOfJob } from "./job-template.ts";
import { type JobView, viewJob } from "./job-view.ts";
import { createPod, deletePod, inGrowingBatches } from "./pod-control.ts";

const selectedUid = "selected-uid";

/** The index of jobs by what their selector was generated to select; others are found by their namespace. */
const selectorIndex = {
  resource: Jobs,
  name: selectedUid,
  values: ({ metadata, spec }: Job) => [
    spec.selector?.matchLabels?.[controllerUidLabel] ?? `namespace/${metadata.namespace}`,
  ],
};

/** `registry` is where jobs and their pods are counted. */
export function jobController(registry = new MetricRegistry()) {
  const metrics = new JobMetrics(registry);
  /** The failures of unfinished jobs since their last success; a process that starts knows of none, as upstream's. */
  const failures = new Map<Key, { readonly uid: string; readonly record: FailureRecord }>();
  return defineController({
    name: "job-controller",
    watches: {
      for: Jobs,
      owns: [Pods],
      also: [
        also(Pods, jobsOfOrphan),
        also(Pods, (pod, cache, old) => {
          if (cache.get(Pods, keyOf(pod))) metrics.podChanged(old, pod);
          else metrics.podChanged(pod, undefined);
          return [];
        }),
        also(Jobs, (job, cache, old) => {
          if (!old && cache.get(Jobs, keyOf(job))) metrics.jobCame(job);
          return [];
        }),
      ],
    },
    indexes: [orphanIndex(Pods), selectorIndex],
    async reconcile(context, key) {
      const { clock } = context;
      const job = context.cache.get(Jobs, key);
      if (!job || isManagedElsewhere(job) || isJobFinished(job)) {
        failures.delete(key);
        return;
      }
      const startMs = clock.monotonicMs();
      let action: SyncAction = "reconciling";
      let result: "success" | "error" = "error";
      try {
        const pods = await claimObjects(context, {
          owner: job,
          ownerResource: Jobs,
          resource: Pods,
          matches: ({ metadata }) => matchesLabelSelector(job.spec.selector, metadata.labels),
          finalizer: trackingFinalizer,
        });
        const view = viewJob(job, pods);
        const { uid } = job.metadata;
        const known = failures.get(key);
        const former = known?.uid === uid ? known.record : noFailures;
        const record = recordEnded(former, view.newSucceeded, view.newFailed);
        const plan = planJob(view, record, clock.now());
        action = actionOf(view, plan);
        const outcome = await carryOut(context, view, plan, metrics);
        const report = reportJob(view, plan, outcome, clock.now());
        await account(context, job, report, metrics, () => failures.set(key, { uid, record }));
        if (outcome.failure) throw outcome.failure.error;
        result = "success";
        const afterMs = report.more ? 0 : plan.afterMs;
        return afterMs === undefined ? undefined : { afterMs };
      } finally {
        metrics.synced(job, action, result, (clock.monotonicMs() - startMs) / 1000);
      }
    },
  });
}

function* jobsOfOrphan(pod: Pod, cache: Cache): Iterable<Key> {
  const { labels, namespace } = pod.metadata;
  if (controllerOf(pod)) return;
  for (const value of [labels?.[controllerUidLabel] ?? "", `namespace/${namespace}`])
    for (const job of cache.byIndex(Jobs, selectedUid, value))
      if (job.metadata.namespace === namespace && matchesLabelSelector(job.spec.selector, labels)) yield keyOf(job);
}

interface CarriedOut extends Outcome {
  readonly failure?: { readonly error: unknown };
}

async function carryOut(
  context: ReconcileContext,
  view: JobView,
  plan: JobPlan,
  metrics: JobMetrics,
): Promise<CarriedOut> {
  const { job } = view;
  const removed: Pod[] = [];
  const removal = await inGrowingBatches(plan.remove, async (pod) => {
    if (plan.removesUncounted) await untrack(context, pod);
    await deletePod(context, job, pod);
    removed.push(pod);
  });
  if (removal) return { removed, created: 0, refused: false, failure: removal };
  const pod = podOfJob(job);
  let [asked, created, refused] = [0, 0, 0];
  const creation = await inGrowingBatches(plan.create, async (each) => {
    asked++;
    if (await createPod(context, job, podForIndex(job, pod, each))) created++;
    else refused++;
  });
  metrics.created(view, created, asked - created - refused);
  return { removed, created, refused: refused > 0, ...(creation ? { failure: creation } : {}) };
}

/** Writes the status, takes the finalizers from the pods that it tells of, and writes what that makes of it. */
async function account(
  context: ReconcileContext,
  job: Job,
  report: JobReport,
  metrics: JobMetrics,
  onWritten: () => void,
): Promise<void> {
  const { events, clock } = context;
  const untracked = new Set<string>();
  let current = job;
  let failure: { readonly error: unknown } | undefined;
  if (report.untrack.length > 0) {
    current = await writeStatus(context, job, report.status, metrics);
    onWritten();
    metrics.failuresHandled(report.judged);
    failure = await inGrowingBatches(report.untrack, async (pod) => {
      await untrack(context, pod);
      untracked.add(pod.metadata.uid);
    });
  }
  const { status, ended } = concludeJob(report, untracked, clock.now());
  current = await writeStatus(context, current, status, metrics);
  if (report.turn) events.normal(job, report.turn, `Job ${report.turn.toLowerCase()}`);
  if (ended) tellEnd(context, current, report);
  if (failure) throw failure.error;
}

function tellEnd({ events }: ReconcileContext, job: Job, { verdict }: JobReport): void {
  if (verdict?.type === "FailureTarget") {
    events.warning(job, verdict.reason, verdict.message);
    return;
  }
  if ((job.status.succeeded ?? 0) > (job.spec.completions ?? Number.POSITIVE_INFINITY))
    events.warning(job, "TooManySucceededPods", "Too many succeeded pods running after completion count reached");
  events.normal(job, "Completed", "Job completed");
}

async function writeStatus(
  { client }: ReconcileContext,
  job: Job,
  status: JobStatus,
  metrics: JobMetrics,
): Promise<Job> {
  if (deepEqual(job.status, status)) return job;
  const written = await client.update(Jobs, { ...job, status }, { subresource: "status" });
  metrics.written(job, status);
  return written;
}

/** Takes the finalizer from a pod that is counted, or need not be. */
export async function untrack({ client }: ReconcileContext, pod: Pod, more: Partial<KubeObject["metadata"]> = {}) {
  if (!isTracked(pod)) return;
  const metadata = { uid: pod.metadata.uid, "$deleteFromPrimitiveList/finalizers": [trackingFinalizer], ...more };
  try {
    await client.patch(Pods, pod.metadata, { metadata }, { type: "application/strategic-merge-patch+json" });
  } catch (error) {
    if (isGone(error)) return;
    throw error;
  }
}
