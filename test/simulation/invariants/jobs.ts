// Jobs count each pod once, keep to their limits, and end once and with a reason.
import { type CronJob, controllerOf, isJobFinished, type Job, type Pod } from "roder";
import { controller } from "./asked.ts";
import { type Invariant, isTerminal, type State, type Write } from "./state.ts";

const finalizer = "batch.kubernetes.io/job-tracking";
const indexAnnotation = "batch.kubernetes.io/job-completion-index";
const failuresAnnotation = "batch.kubernetes.io/job-index-failure-count";
const ignoredAnnotation = "batch.kubernetes.io/job-index-ignored-failure-count";

/** What is known of one job besides what it says. */
interface Known {
  /** The uids that its status has ever named. */
  readonly succeeded: Set<string>;
  readonly failed: Set<string>;
  /** How many failures the last pod of each index had before it. */
  readonly failuresBefore: Map<string, number>;
  /** Since when it is suspended; 0 when it is not. */
  suspendedMs: number;
  /** Whether it ever was. */
  wasSuspended: boolean;
  /** Whether its number of indexes was ever changed. */
  wasResized: boolean;
}

export class JobRules implements Invariant {
  readonly #state: State;
  readonly #known = new Map<string, Known>();

  constructor(state: State) {
    this.#state = state;
  }

  *problems({ kind, before, now, by, atMs }: Write): Iterable<string> {
    // The kind says what they are.
    if (kind === "jobs" && !now) this.#known.delete(before?.metadata.uid ?? "");
    if (kind === "jobs" && now) {
      const [old, job] = [before as Job | undefined, now as Job];
      const known = this.#note(old, job, atMs);
      const sizes = this.#sizesOf(job, atMs);
      yield* counted(job, known);
      yield* successes(old, job, known, sizes);
      yield* indexes(old, job, sizes);
      yield* this.#end(old, job, atMs);
      if (!before && by === controller("cronjob-controller")) yield* concurrency(job, this.#state);
    }
    if (kind !== "pods" || by !== controller("job-controller")) return;
    const [old, pod] = [before as Pod | undefined, now as Pod | undefined];
    const job = this.#state.find<Job>("jobs", controllerOf(pod ?? (old as Pod))?.uid); // one of the two is there
    const known = job && this.#known.get(job.metadata.uid);
    if (!job || !known || job.metadata.deletionTimestamp !== undefined) return;
    if (pod && !old) yield* this.#created(pod, job, known, atMs);
    if (!old || !isTracked(old) || (pod && isTracked(pod))) return;
    // Of one pod too many nobody asks how it ends.
    if (this.#state.overlookedOf(job.metadata.uid, atMs) === 0)
      yield* untracked(old, job, known, this.#sizesOf(job, atMs));
  }

  /** How many completions there are, and were lately. */
  #sizesOf(job: Job, atMs: number): readonly number[] {
    return this.#state.lateSpecs(job, atMs).map(({ spec }) => spec.completions ?? Number.POSITIVE_INFINITY);
  }

  #note(before: Job | undefined, { metadata, spec, status }: Job, atMs: number): Known {
    const known = this.#known.getOrInsertComputed(metadata.uid, () => ({
      succeeded: new Set(),
      failed: new Set(),
      failuresBefore: new Map(),
      suspendedMs: 0,
      wasSuspended: false,
      wasResized: false,
    }));
    for (const uid of status.uncountedTerminatedPods?.succeeded ?? []) known.succeeded.add(uid);
    for (const uid of status.uncountedTerminatedPods?.failed ?? []) known.failed.add(uid);
    if (!spec.suspend) known.suspendedMs = 0;
    else if (known.suspendedMs === 0) known.suspendedMs = atMs;
    known.wasSuspended ||= spec.suspend ?? false;
    known.wasResized ||= before !== undefined && before.spec.completions !== spec.completions;
    return known;
  }

  *#created(pod: Pod, job: Job, known: Known, atMs: number): Iterable<string> {
    const { name, uid } = job.metadata;
    const made = `${name} makes ${pod.metadata.name}`;
    if (isJobFinished(job)) yield `${made} although it has ended`;
    if (known.suspendedMs > 0 && atMs - known.suspendedMs > this.#state.keptMs)
      yield `${made} although it is suspended`;
    const overlooked = this.#state.overlookedOf(uid, atMs);
    const index = pod.metadata.annotations?.[indexAnnotation];
    if (job.spec.podReplacementPolicy === "Failed") {
      const running = this.#state.controlledBy<Pod>(uid, "pods").filter((each) => !isTerminal(each));
      const { parallelism = 1 } = job.spec;
      if (running.length > parallelism + overlooked) yield `${made}, with ${running.length} that have not ended`;
      const same = running.filter(({ metadata }) => metadata.annotations?.[indexAnnotation] === index);
      if (index !== undefined && same.length > 1 + overlooked) yield `${made} before the last of its index has ended`;
    }
    const limit = job.spec.backoffLimitPerIndex;
    if (limit === undefined || index === undefined) return;
    const failures = countOf(pod, failuresAnnotation);
    if (failures > limit) yield `${made} after ${failures} failures of its index, of which ${limit} are allowed`;
    const before = known.failuresBefore.get(index) ?? -1;
    const all = failures + countOf(pod, ignoredAnnotation);
    known.failuresBefore.set(index, all);
    // Who is suspended, or gets an index again, starts anew, and one that nobody knew of has failed unseen.
    if (known.wasSuspended || known.wasResized || overlooked > 0) return;
    if (all !== before + 1) yield `${made} as number ${all} of its index, after number ${before}`;
  }

  *#end(before: Job | undefined, job: Job, atMs: number): Iterable<string> {
    const { name, uid } = job.metadata;
    for (const type of ["Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"])
      if (before && is(before, type) && !is(job, type)) yield `${name} is not ${type} any more`;
    if (is(job, "Complete") && is(job, "Failed")) yield `${name} has both succeeded and failed`;
    if (!before || isJobFinished(before) || !isJobFinished(job)) return;
    const pods = this.#state.controlledBy<Pod>(uid, "pods").filter((each) => !isTerminal(each));
    if (pods.length > this.#state.overlookedOf(uid, atMs)) yield `${name} ends while ${pods.length} pods have not`;
    const { succeeded = 0, failed = 0 } = job.status;
    const { backoffLimit = 6 } = job.spec;
    const completions = Math.min(...this.#sizesOf(job, atMs));
    if (is(job, "Complete") && !job.spec.successPolicy && succeeded < completions)
      yield `${name} is complete with ${succeeded} successes of ${completions}`;
    const reason = job.status.conditions?.find(({ type }) => type === "Failed")?.reason;
    if (reason === "BackoffLimitExceeded" && failed <= backoffLimit)
      yield `${name} fails after ${failed} failures, of which ${backoffLimit} are allowed`;
  }
}

/** A pod loses its finalizer when the status names it, so that it is counted whatever happens in between. */
function* untracked({ metadata, status }: Pod, job: Job, known: Known, sizes: readonly number[]): Iterable<string> {
  const { name, uid } = metadata;
  // Who suspends a job, or has enough of it, counts no pod that is removed for that.
  if (known.wasSuspended || !["Succeeded", "Failed"].includes(status.phase ?? "")) return;
  if (known.succeeded.has(uid) || known.failed.has(uid)) return;
  const index = metadata.annotations?.[indexAnnotation];
  // One for an index that there is no more is of no matter.
  if (index !== undefined && Number(index) >= Math.min(...sizes)) return;
  if (status.phase === "Succeeded" && index !== undefined && within(job.status.completedIndexes).has(Number(index)))
    return;
  // Who has succeeded does not wait for what the pods that it ends come to; and a policy may ignore a failure.
  if (is(job, "SuccessCriteriaMet") || (status.phase === "Failed" && job.spec.podFailurePolicy)) return;
  yield `${job.metadata.name} does not count ${name}, which has ${status.phase?.toLowerCase()}`;
}

/** What the status counts are the pods that it has named, each once. */
function* counted({ metadata, spec, status }: Job, known: Known): Iterable<string> {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const failures = (status.failed ?? 0) + failed.length;
  if (failures !== known.failed.size) yield `${metadata.name} counts ${failures} failures of ${known.failed.size}`;
  if (spec.completionMode === "Indexed") return;
  const successes = (status.succeeded ?? 0) + succeeded.length;
  if (successes !== known.succeeded.size)
    yield `${metadata.name} counts ${successes} successes of ${known.succeeded.size}`;
}

function* successes(
  before: Job | undefined,
  { metadata, status }: Job,
  known: Known,
  sizes: readonly number[],
): Iterable<string> {
  const { succeeded = 0 } = status;
  const completions = Math.max(...sizes);
  if (succeeded > completions) yield `Job ${metadata.name} succeeded ${succeeded} times of ${completions}`;
  // Those of indexes that there are no more are forgotten.
  if (!known.wasResized && succeeded < (before?.status.succeeded ?? 0))
    yield `Job ${metadata.name} has forgotten a success`;
}

function* indexes(
  before: Job | undefined,
  { metadata, spec, status }: Job,
  sizes: readonly number[],
): Iterable<string> {
  if (spec.completionMode !== "Indexed") return;
  const [completed, failed] = [within(status.completedIndexes), within(status.failedIndexes)];
  const both = completed.intersection(failed);
  if (both.size > 0) yield `${metadata.name} says of ${[...both]} that they have succeeded and failed`;
  if (completed.size !== (status.succeeded ?? 0))
    yield `${metadata.name} has ${status.succeeded} successes and completed ${status.completedIndexes}`;
  const forgotten = [
    ...within(before?.status.completedIndexes).difference(completed),
    ...within(before?.status.failedIndexes).difference(failed),
  ].filter((index) => index < Math.min(...sizes));
  if (forgotten.length > 0) yield `${metadata.name} has forgotten that ${forgotten} had ended`;
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

const is = ({ status }: Job, type: string) =>
  status.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;
const isTracked = ({ metadata }: Pod) => metadata.finalizers?.includes(finalizer) ?? false;
const countOf = ({ metadata }: Pod, annotation: string) => Number(metadata.annotations?.[annotation] ?? 0);

/** What a text as `1,3-5` says. */
function within(text = ""): Set<number> {
  const ranges = text.split(",").filter((range) => range !== "");
  return new Set(
    ranges.flatMap((range) => {
      const [first = 0, last = first] = range.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, at) => first + at);
    }),
  );
}
