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

/**
 * What Kubernetes' API server begins once it listens, and tells as a check when it has. Here it is done, or begins, before
 * anybody can ask; who waits for these checks by name finds them.
 */
const started = [
  "poststarthook/start-apiserver-admission-initializer",
  "poststarthook/generic-apiserver-start-informers",
  "poststarthook/priority-and-fairness-config-consumer",
  "poststarthook/priority-and-fairness-filter",
  "poststarthook/start-apiextensions-informers",
  "poststarthook/start-apiextensions-controllers",
  "poststarthook/crd-informer-synced",
  "poststarthook/start-system-namespaces-controller",
  "poststarthook/start-cluster-authentication-info-controller",
  "poststarthook/rbac/bootstrap-roles",
  "poststarthook/scheduling/bootstrap-system-priority-classes",
  "poststarthook/priority-and-fairness-config-producer",
  "poststarthook/bootstrap-controller",
  "poststarthook/start-kube-aggregator-informers",
  "poststarthook/apiservice-status-local-available-controller",
  "poststarthook/apiservice-status-remote-available-controller",
  "poststarthook/apiservice-registration-controller",
  "poststarthook/apiservice-discovery-controller",
  "poststarthook/kube-apiserver-autoregistration",
  "autoregister-completion",
  "poststarthook/apiservice-openapi-controller",
  "poststarthook/apiservice-openapiv3-controller",
];

/** What /livez and /readyz look at, under the names that Kubernetes' API server gives its checks. */
export function healthChecks({ storage, cache, clock, stopping }: HealthSubjects): HealthCheck[] {
  const answers = () => storageAnswers(storage, clock);
  return [
    { name: "log", check: () => {} },
    { name: "etcd", check: answers },
    { name: "etcd-readiness", check: answers, onlyReadiness: true },
    {
      name: "informer-sync",
      check: () => inTime(clock, "the cache", (signal) => cache.waitFor(storage.revision, signal)),
      onlyReadiness: true,
    },
    ...started.map((name) => ({ name, check: () => {} })),
    {
      name: "shutdown",
      check: () => {
        if (stopping.aborted) throw new Error("process is shutting down");
      },
      onlyReadiness: true,
    },
  ];
}

/** Rejects when the storage does not answer. Nothing is kept where it is asked. */
export function storageAnswers(storage: Pick<Storage, "range">, clock: Clock): Promise<void> {
  return inTime(clock, "the storage", () => storage.range("/registry/health/"));
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
