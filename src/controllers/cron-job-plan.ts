// What is to be done for a CronJob. Pure: the rules and messages are those of k8s.io/kubernetes/pkg/controller/cronjob.
import {
  type CronJob,
  CronJobs,
  isJobConditionTrue,
  isJobFinished,
  type Job,
  Jobs,
  type NewObject,
  newControllerReference,
  type ObjectReference,
  parseCronSchedule,
} from "../api/index.ts";
import { errorMessage } from "../lib/index.ts";
import { dueStarts, utc, type ZoneOffset, zonedTimestamp, zoneOffset } from "./cron-job-times.ts";

const scheduledAnnotation = "batch.kubernetes.io/cronjob-scheduled-timestamp";

export interface Notice {
  readonly type: "normal" | "warning";
  readonly reason: string;
  readonly message: string;
}

export interface CronJobPlan {
  /** Ended jobs beyond those that the history keeps. */
  readonly forget: readonly Job[];
  readonly active: readonly ObjectReference[];
  readonly lastSuccessfulTime?: string;
  /** Jobs that must end before the next one starts. */
  readonly replace: readonly Job[];
  readonly start?: { readonly job: NewObject<Job>; readonly scheduledMs: number };
  /** When the next start is due. */
  readonly nextMs?: number;
  readonly notices: readonly Notice[];
}

/** `jobs` are those that the CronJob controls; its schedule is what it is since `sinceMs`. */
export function planCronJob(cronJob: CronJob, jobs: readonly Job[], sinceMs: number, nowMs: number): CronJobPlan {
  const notices: Notice[] = [];
  const active = activeJobs(cronJob, jobs, notices);
  const lastSuccessfulTime = lastSuccess(cronJob, jobs);
  return {
    forget: forgettable(cronJob, jobs),
    active,
    ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
    ...planStart(cronJob, jobs, active, notices, sinceMs, nowMs),
    notices,
  };
}

function normal(reason: string, message: string): Notice {
  return { type: "normal", reason, message };
}

function warning(reason: string, message: string): Notice {
  return { type: "warning", reason, message };
}

/**
 * status.active without what has ended or is gone, and with what a controller that was killed forgot. Jobs that somebody
 * else made of the CronJob (`kubectl create job --from`) are only told of.
 */
function activeJobs({ status }: CronJob, jobs: readonly Job[], notices: Notice[]): ObjectReference[] {
  const byUid = new Map(jobs.map((job) => [job.metadata.uid, job]));
  const active: ObjectReference[] = [];
  for (const reference of status.active ?? []) {
    const job = byUid.get(reference.uid ?? "");
    byUid.delete(reference.uid ?? "");
    if (!job) notices.push(normal("MissingJob", `Active job went missing: ${reference.name}`));
    else if (!isJobFinished(job)) active.push(reference);
    else {
      const end = isJobConditionTrue(job.status, "Complete") ? "Complete" : "Failed";
      notices.push(normal("SawCompletedJob", `Saw completed job: ${job.metadata.name}, condition: ${end}`));
    }
  }
  for (const job of byUid.values()) {
    if (isJobFinished(job)) continue;
    const { name } = job.metadata;
    notices.push(warning("UnexpectedJob", `Saw a job that the controller did not create or forgot: ${name}`));
    if (job.metadata.annotations?.[scheduledAnnotation] !== undefined) active.push(referenceTo(job));
  }
  return active;
}

export function referenceTo({ metadata }: Job): ObjectReference {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    kind: "Job",
    ...(namespace === undefined ? {} : { namespace }),
    name,
    uid,
    apiVersion: "batch/v1",
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

function lastSuccess({ status }: CronJob, jobs: readonly Job[]): string | undefined {
  let last = status.lastSuccessfulTime;
  for (const { status } of jobs) {
    const { completionTime } = status;
    if (completionTime === undefined || !isJobConditionTrue(status, "Complete")) continue;
    if (last === undefined || Date.parse(completionTime) > Date.parse(last)) last = completionTime;
  }
  return last;
}

function forgettable({ spec }: CronJob, jobs: readonly Job[]): Job[] {
  const beyond = (type: "Complete" | "Failed", limit: number | undefined) => {
    if (limit === undefined) return [];
    const ended = jobs.filter(
      ({ metadata, status }) => metadata.deletionTimestamp === undefined && isJobConditionTrue(status, type),
    );
    return ended.sort(byStart).slice(0, Math.max(0, ended.length - limit));
  };
  return [...beyond("Complete", spec.successfulJobsHistoryLimit), ...beyond("Failed", spec.failedJobsHistoryLimit)];
}

function byStart(a: Job, b: Job): number {
  const startMs = ({ status }: Job) =>
    status.startTime === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(status.startTime);
  return startMs(a) - startMs(b) || (a.metadata.name < b.metadata.name ? -1 : 1);
}

const noStart = { replace: [] };

function planStart(
  cronJob: CronJob,
  jobs: readonly Job[],
  active: readonly ObjectReference[],
  notices: Notice[],
  sinceMs: number,
  nowMs: number,
): Pick<CronJobPlan, "replace" | "start" | "nextMs"> {
  const { metadata, spec, status } = cronJob;
  if (metadata.deletionTimestamp !== undefined) return noStart;
  const offset = spec.timeZone === undefined ? utc : zoneOffset(spec.timeZone);
  if (!offset) {
    const zone = JSON.stringify(spec.timeZone);
    notices.push(warning("UnknownTimeZone", `invalid timeZone: ${zone}: unknown time zone ${spec.timeZone}`));
    return noStart;
  }
  if (spec.suspend) return noStart;
  const due = dueOf(cronJob, offset, notices, sinceMs, nowMs);
  if (!due) return noStart;
  const next = { ...noStart, ...(due.nextMs === undefined ? {} : { nextMs: due.nextMs }) };
  const { startMs } = due;
  if (startMs === undefined) return next;
  if (due.manyMissed)
    notices.push(
      warning(
        "TooManyMissedTimes",
        "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
      ),
    );
  const job = newJob(cronJob, startMs, offset);
  const isProcessed = status.lastScheduleTime !== undefined && Date.parse(status.lastScheduleTime) === startMs;
  if (isProcessed || active.some(({ name }) => name === job.metadata.name)) return next;
  if (spec.concurrencyPolicy === "Forbid" && active.length > 0) {
    const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
    notices.push(normal("JobAlreadyActive", message));
    return next;
  }
  const uids = new Set(spec.concurrencyPolicy === "Replace" ? active.map(({ uid }) => uid) : []);
  const replace = jobs.filter((each) => uids.has(each.metadata.uid));
  return { ...next, replace, start: { job, scheduledMs: startMs } };
}

function dueOf(cronJob: CronJob, offset: ZoneOffset, notices: Notice[], sinceMs: number, nowMs: number) {
  const { metadata, spec, status } = cronJob;
  let schedule: ReturnType<typeof parseCronSchedule>;
  try {
    schedule = parseCronSchedule(spec.schedule);
  } catch (error) {
    // It was right when it was written: a former version read it otherwise. The owner is told, and nothing is started.
    const text = `unparseable schedule: ${JSON.stringify(spec.schedule)} : ${errorMessage(error)}`;
    notices.push(warning("UnparseableSchedule", text));
    return undefined;
  }
  const lastMs = Date.parse(status.lastScheduleTime ?? metadata.creationTimestamp);
  const deadlineMs = Number(spec.startingDeadlineSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  const due = dueStarts(schedule, offset, { sinceMs: Math.max(lastMs, sinceMs), oldestMs: nowMs - deadlineMs, nowMs });
  if (!due) {
    const why = "time difference between two schedules is less than 1 second";
    notices.push(warning("InvalidSchedule", `invalid schedule: ${spec.schedule} : ${why}`));
  }
  return due;
}

/** The job of one start: its name says the minute, so that two controllers cannot make it twice. */
function newJob(cronJob: CronJob, scheduledMs: number, offset: ZoneOffset): NewObject<Job> {
  const { name, namespace } = cronJob.metadata;
  const { metadata, spec } = cronJob.spec.jobTemplate;
  return {
    apiVersion: "batch/v1",
    kind: Jobs.kind,
    metadata: {
      name: `${name}-${Math.floor(scheduledMs / 60_000)}`,
      ...(namespace === undefined ? {} : { namespace }),
      ...(metadata?.labels ? { labels: metadata.labels } : {}),
      annotations: { ...metadata?.annotations, [scheduledAnnotation]: zonedTimestamp(scheduledMs, offset) },
      ownerReferences: [newControllerReference(cronJob, CronJobs)],
    },
    spec,
  };
}
