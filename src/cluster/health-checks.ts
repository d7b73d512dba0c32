import { type Clock, sleep } from "../lib/index.ts";
import type { HealthCheck } from "../server/http/index.ts";
import type { Storage, WatchCache } from "../storage/index.ts";

/** How long the storage and the cache may take; etcd's time in Kubernetes (--etcd-healthcheck-timeout). */
const answerMsMax = 2_000;

export interface HealthSubjects {
  readonly storage: Pick<Storage, "range" | "revision">;
  readonly cache: Pick<WatchCache, "waitFor">;
  readonly clock: Clock;
  /** Aborted when the server is asked to end, and with that before it stops to listen. */
  readonly stopping: AbortSignal;
}

/** What /livez and /readyz look at, under the names that Kubernetes' API server gives its checks. */
export function healthChecks({ storage, cache, clock, stopping }: HealthSubjects): HealthCheck[] {
  // Nothing is kept there: the storage only has to answer.
  const storageAnswers = () => inTime(clock, "the storage", () => storage.range("/registry/health/"));
  return [
    { name: "etcd", check: storageAnswers },
    { name: "etcd-readiness", check: storageAnswers, onlyReadiness: true },
    {
      name: "informer-sync",
      check: () => inTime(clock, "the cache", (signal) => cache.waitFor(storage.revision, signal)),
      onlyReadiness: true,
    },
    {
      name: "shutdown",
      check: () => {
        if (stopping.aborted) throw new Error("process is shutting down");
      },
      onlyReadiness: true,
    },
  ];
}

async function inTime(clock: Clock, what: string, ask: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const done = new AbortController();
  const late = sleep(clock, answerMsMax, done.signal).then(() => {
    throw new Error(`${what} has not answered within ${answerMsMax / 1_000} s`);
  });
  try {
    await Promise.race([ask(done.signal), late]);
  } finally {
    done.abort();
  }
}
