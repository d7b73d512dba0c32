import type { MetricRegistry } from "../lib/index.ts";
import { resourceOfKey } from "./keys.ts";
import type { WatchCache } from "./watch-cache.ts";

/** Tells with every scrape what the cache did, under the names of k8s.io/apiserver/pkg/storage/cacher/metrics. */
export function observeWatchCache(metrics: MetricRegistry, cache: WatchCache): void {
  const labels = ["group", "resource"];
  const loads = metrics.counter({
    name: "apiserver_watch_cache_initializations_total",
    help: "How often all objects of a resource were read from the store.",
    labels,
  });
  const events = metrics.counter({
    name: "apiserver_watch_cache_events_dispatched_total",
    help: "Changes that were handed to watches, each counted once.",
    labels,
  });
  const cutOff = metrics.counter({
    name: "apiserver_terminated_watchers_total",
    help: "Watches that were ended because they fell too far behind.",
    labels,
  });
  metrics.onScrape(() => {
    for (const [prefix, counts] of cache.counts()) {
      const { group, resource } = resourceOfKey(prefix);
      loads.with(group, resource).value = counts.loads;
      events.with(group, resource).value = counts.events;
      if (counts.watchesCutOff > 0) cutOff.with(group, resource).value = counts.watchesCutOff;
    }
  });
}
