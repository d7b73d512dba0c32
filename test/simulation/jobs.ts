import { type CronJob, controllerOf, isJobFinished, type Job } from "roder";
import { controller } from "./asked.ts";
import type { State, Write } from "./state.ts";

/** Jobs succeed as often as asked for, and those of a CronJob run beside each other only where it allows that. */
export function* jobProblems({ kind, before, now, by }: Write, state: State): Iterable<string> {
  if (kind !== "jobs" || !now) return;
  const job = now as Job; // the kind says so
  yield* successes(before as Job | undefined, job);
  if (!before && by === controller("cronjob-controller")) yield* concurrency(job, state);
}

function* successes(before: Job | undefined, { metadata, spec, status }: Job): Iterable<string> {
  const { succeeded = 0 } = status;
  const { completions = Number.POSITIVE_INFINITY } = spec;
  if (succeeded > completions) yield `Job ${metadata.name} succeeded ${succeeded} times of ${completions}`;
  if (succeeded < (before?.status.succeeded ?? 0)) yield `Job ${metadata.name} has forgotten a success`;
}

function* concurrency(started: Job, state: State): Iterable<string> {
  const cronJob = state.find<CronJob>("cronjobs", controllerOf(started)?.uid);
  if (!cronJob) return;
  const { concurrencyPolicy = "Allow" } = cronJob.spec;
  if (concurrencyPolicy === "Allow") return;
  for (const job of state.controlledBy<Job>(cronJob.metadata.uid, "jobs")) {
    const mayStay = concurrencyPolicy === "Replace" && job.metadata.deletionTimestamp !== undefined;
    if (job.metadata.uid === started.metadata.uid || isJobFinished(job) || mayStay) continue;
    yield `${started.metadata.name} starts while ${job.metadata.name} is active, with the policy ${concurrencyPolicy}`;
  }
}
