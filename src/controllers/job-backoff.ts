// How long a job waits before it replaces pods that failed: 10 s, doubling with every failure since the last success.
import type { Pod } from "../api/index.ts";
import { type Backoff, backoffMs } from "../client/index.ts";
import { endedMs, indexFailures, indexIgnoredFailures } from "./job-pods.ts";

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy */
const failureBackoff: Backoff = { firstMs: 10_000, maxMs: 600_000 };

/** The failures of a job's pods since its last success. */
export interface FailureRecord {
  readonly failures: number;
  readonly lastMs: number;
}

export const noFailures: FailureRecord = { failures: 0, lastMs: 0 };

/** The record with the pods that ended since it was made. */
export function recordEnded(record: FailureRecord, succeeded: readonly Pod[], failed: readonly Pod[]): FailureRecord {
  const failures = failed.map(endedMs);
  if (succeeded.length === 0) {
    if (failures.length === 0) return record;
    return { failures: record.failures + failures.length, lastMs: latest(failures) };
  }
  const lastSuccessMs = latest(succeeded.map(endedMs));
  const since = failures.filter((ms) => ms > lastSuccessMs);
  return since.length === 0 ? noFailures : { failures: since.length, lastMs: latest(since) };
}

/** How much longer to wait; 0 when pods can be created. */
export function remainingMs({ failures, lastMs }: FailureRecord, nowMs: number): number {
  if (failures === 0) return 0;
  const wholeMs = backoffMs(failureBackoff, failures - 1);
  const leftMs = lastMs + wholeMs - nowMs;
  // A failure that far in the future was before the clock was set back: it must not be waited for.
  return leftMs > 2 * wholeMs ? 0 : Math.max(0, leftMs);
}

/** How much longer an index waits whose last pod failed; it carries the count of those before it. */
export function remainingOfIndexMs(lastFailed: Pod | undefined, nowMs: number): number {
  if (!lastFailed) return 0;
  const failures = indexFailures(lastFailed) + indexIgnoredFailures(lastFailed) + 1;
  return remainingMs({ failures, lastMs: endedMs(lastFailed) }, nowMs);
}

function latest(times: readonly number[]): number {
  return times.reduce((a, b) => Math.max(a, b));
}
