// Starts jobs by the clock. https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
import {
  ApiError,
  type CronJob,
  type CronJobStatus,
  CronJobs,
  isControlledBy,
  isGone,
  isJobFinished,
  type Job,
  Jobs,
  type NewObject,
} from "../api/index.ts";
import { defineController, type Key, type ReconcileContext } from "../client/index.ts";
import {
  deepEqual,
  errorMessage,
  exponentialBuckets,
  type HistogramSeries,
  MetricRegistry,
  timestamp,
} from "../lib/index.ts";
import { type CronJobPlan, planCronJob, referenceTo } from "./cron-job-plan.ts";
import { isNamespaceTerminating } from "./pod-control.ts";

/** Starts come a little late, so that a clock that is a little early does not make them wait for another turn. */
const nextDelayMs = 100;

/** `metrics` is where it is measured how late starts are. */
export function cronJobController(metrics = new MetricRegistry()) {
  const lateness = metrics
    .histogram({
      name: "cronjob_controller_job_creation_skew_duration_seconds",
      help: "The time from when a job was to start until it was created.",
      buckets: exponentialBuckets(1, 2, 10),
    })
    .with();
  /**
   * Since when schedules are what they are. Who changes one means the starts that come, not those that it would have had;
   * a process that starts knows nothing of changes, as upstream's.
   */
  const schedules = new Map<Key, { readonly text: string; readonly sinceMs: number }>();
  return defineController({
    name: "cronjob-controller",
    watches: { for: CronJobs, owns: [Jobs] },
    async reconcile(context, key) {
      const { cache, clock } = context;
      const cronJob = cache.get(CronJobs, key);
      if (!cronJob) {
        schedules.delete(key);
        return;
      }
      const nowMs = clock.now();
      const text = `${cronJob.metadata.uid} ${cronJob.spec.timeZone} ${cronJob.spec.schedule}`;
      const known = schedules.get(key);
      const sinceMs = known?.text === text ? known.sinceMs : known ? nowMs : Number.NEGATIVE_INFINITY;
      schedules.set(key, { text, sinceMs });
      const plan = planCronJob(cronJob, await jobsOf(context, cronJob), sinceMs, nowMs);
      await carryOut(context, cronJob, plan, lateness);
      return plan.nextMs === undefined ? undefined : { afterMs: plan.nextMs + nextDelayMs - clock.now() };
    },
  });
}

/** The CronJob's jobs, with those that its status names and the cache does not know yet. */
async function jobsOf({ cache, client }: ReconcileContext, cronJob: CronJob): Promise<readonly Job[]> {
  const jobs = [...cache.ownedBy(Jobs, cronJob)];
  const known = new Set(jobs.map(({ metadata }) => metadata.uid));
  for (const { uid = "", name = "", namespace } of cronJob.status.active ?? []) {
    if (known.has(uid)) continue;
    const job = await found(client.get(Jobs, { name, ...(namespace === undefined ? {} : { namespace }) }));
    if (job?.metadata.uid === uid) jobs.push(job);
  }
  return jobs;
}

async function found<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return undefined;
    throw error;
  }
}

async function carryOut(
  context: ReconcileContext,
  cronJob: CronJob,
  plan: CronJobPlan,
  lateness: HistogramSeries,
): Promise<void> {
  const { client, events } = context;
  for (const job of plan.forget) await removeJob(context, cronJob, job);
  for (const { type, reason, message } of plan.notices) events[type](cronJob, reason, message);
  const { active, lastSuccessfulTime } = plan;
  const seen = { ...cronJob.status, active, ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }) };
  const { status, failure } = plan.start
    ? await start(context, cronJob, plan.start, plan.replace, seen, lateness)
    : { status: seen };
  // What was seen to have ended is written whether the next one can start or not.
  if (!deepEqual(withoutEmpty(cronJob.status), withoutEmpty(status)))
    await client.update(CronJobs, { ...cronJob, status: withoutEmpty(status) }, { subresource: "status" });
  if (failure) throw failure;
}

function withoutEmpty({ active = [], ...status }: CronJobStatus): CronJobStatus {
  return active.length === 0 ? status : { ...status, active };
}

type Started = { readonly status: CronJobStatus; readonly failure?: unknown };

async function start(
  context: ReconcileContext,
  cronJob: CronJob,
  { job, scheduledMs }: NonNullable<CronJobPlan["start"]>,
  replace: readonly Job[],
  before: CronJobStatus,
  lateness: HistogramSeries,
): Promise<Started> {
  let { active = [] } = before;
  for (const { metadata } of replace) {
    const failure = await removeJob(context, cronJob, { metadata });
    if (failure) return { status: { ...before, active }, failure };
    active = active.filter(({ uid }) => uid !== metadata.uid);
  }
  try {
    const started = await createJob(context, cronJob, job, (createdMs) =>
      lateness.observe((createdMs - scheduledMs) / 1000),
    );
    // Somebody else's job has the name: it is left alone, and so is this start.
    if (!isControlledBy(started, cronJob)) return { status: { ...before, active } };
    if (!isJobFinished(started)) active = [...active, referenceTo(started)];
    return { status: { ...before, active, lastScheduleTime: timestamp(scheduledMs) } };
  } catch (failure) {
    const status = { ...before, active };
    // The namespace is going, and the CronJob with it: there is nothing to report or to repeat.
    return isNamespaceTerminating(failure) ? { status } : { status, failure };
  }
}

/** The new job, or the one that has its name already: of a controller that was killed before it wrote the status. */
async function createJob(
  { client, events }: ReconcileContext,
  cronJob: CronJob,
  job: NewObject<Job>,
  onCreated: (atMs: number) => void,
): Promise<Job> {
  const { name = "", namespace = "" } = job.metadata;
  try {
    const created = await client.create(Jobs, job);
    onCreated(Date.parse(created.metadata.creationTimestamp));
    events.normal(cronJob, "SuccessfulCreate", `Created job ${name}`);
    return created;
  } catch (error) {
    if (error instanceof ApiError && error.code === 409) return await client.get(Jobs, { namespace, name });
    if (!isNamespaceTerminating(error))
      events.warning(cronJob, "FailedCreate", `Error creating job: ${errorMessage(error)}`);
    throw error;
  }
}

/** Deletes a job with its pods. Returns what went wrong; the owner is told, and history can wait for another time. */
async function removeJob(
  { client, events }: ReconcileContext,
  cronJob: CronJob,
  { metadata }: Pick<Job, "metadata">,
): Promise<unknown> {
  const { name, uid } = metadata;
  try {
    await client.delete(Jobs, metadata, { body: { propagationPolicy: "Background", preconditions: { uid } } });
    events.normal(cronJob, "SuccessfulDelete", `Deleted job ${name}`);
    return undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    events.warning(cronJob, "FailedDelete", `Deleted job: ${errorMessage(error)}`);
    return error;
  }
}
