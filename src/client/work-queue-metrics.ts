import { exponentialBuckets, type HistogramSeries, type MetricRegistry, type Series } from "../lib/index.ts";

/** What is counted of one controller's queue. */
export interface QueueSeries {
  readonly depth: Series;
  readonly adds: Series;
  readonly retries: Series;
  readonly waited: HistogramSeries;
  readonly worked: HistogramSeries;
  /** Gives what is asked with each scrape: for how many seconds each key has been worked on that is not done. */
  observeWork(seconds: () => readonly number[]): void;
}

/** As k8s.io/component-base/metrics/prometheus/workqueue has them. */
const secondsBuckets = exponentialBuckets(1e-8, 10, 12);
const labels = ["name"];

/** Counts under the names workqueue_…; gives the series of a queue by its name. */
export function workQueueMetrics(metrics: MetricRegistry): (name: string) => QueueSeries {
  const depth = metrics.gauge({ name: "workqueue_depth", help: "Keys that wait.", labels });
  const adds = metrics.counter({ name: "workqueue_adds_total", help: "Keys that were added.", labels });
  const retries = metrics.counter({ name: "workqueue_retries_total", help: "Keys that failed and wait.", labels });
  const waited = metrics.histogram({
    name: "workqueue_queue_duration_seconds",
    help: "How long keys waited.",
    labels,
    buckets: secondsBuckets,
  });
  const worked = metrics.histogram({
    name: "workqueue_work_duration_seconds",
    help: "How long a key's work took.",
    labels,
    buckets: secondsBuckets,
  });
  const unfinished = metrics.gauge({
    name: "workqueue_unfinished_work_seconds",
    help: "For how long all keys together have been worked on that are not done.",
    labels,
  });
  const longest = metrics.gauge({
    name: "workqueue_longest_running_processor_seconds",
    help: "For how long the one of them has been that takes longest.",
    labels,
  });
  return (name) => ({
    depth: depth.with(name),
    adds: adds.with(name),
    retries: retries.with(name),
    waited: waited.with(name),
    worked: worked.with(name),
    observeWork(seconds) {
      metrics.onScrape(() => {
        const each = seconds();
        unfinished.with(name).value = each.reduce((sum, one) => sum + one, 0);
        longest.with(name).value = Math.max(0, ...each);
      });
    },
  });
}
