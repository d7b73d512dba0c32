import type { Clock, HistogramSeries, MetricRegistry } from "../lib/index.ts";
import { registryPrefix, resourceOfKey } from "./keys.ts";
import type { Change, Storage } from "./storage.ts";

/** As k8s.io/apiserver/pkg/storage/etcd3/metrics has them. */
const secondsBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];

/** Tells how long commits take under the name that Kubernetes has for its requests to etcd. */
export function measuredStorage(storage: Storage, metrics: MetricRegistry, clock: Clock): Storage {
  const durations = metrics.histogram({
    name: "etcd_request_duration_seconds",
    help: "How long the store took to answer.",
    labels: ["operation", "group", "resource"],
    buckets: secondsBuckets,
  });
  const known = new Map<string, HistogramSeries>();
  const seriesOf = (operation: string, key: string): HistogramSeries => {
    const end = key.indexOf("/", key.indexOf("/", registryPrefix.length) + 1);
    const place = `${operation}${key.slice(registryPrefix.length - 1, end)}`;
    let series = known.get(place);
    if (!series) {
      const { group, resource } = resourceOfKey(key);
      series = durations.with(operation, group, resource);
      known.set(place, series);
    }
    return series;
  };
  return {
    get revision() {
      return storage.revision;
    },
    get compacted() {
      return storage.compacted;
    },
    isStale: (key) => storage.isStale?.(key) ?? false,
    range: (prefix) => storage.range(prefix),
    async commit(changes) {
      const startMs = clock.monotonicMs();
      try {
        return await storage.commit(changes);
      } finally {
        const [first] = changes;
        if (first) seriesOf(operationOf(first), first.key).observe((clock.monotonicMs() - startMs) / 1000);
      }
    },
    watch: (prefix, after, signal) => storage.watch(prefix, after, signal),
    compact: (before) => storage.compact(before),
    close: () => storage.close(),
  };
}

function operationOf({ value, expect }: Change): string {
  if (!value) return "delete";
  return expect === 0 ? "create" : "update";
}
