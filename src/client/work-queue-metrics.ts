import { exponentialBuckets, type HistogramSeries, type MetricRegistry, type Series } from "../lib/index.ts";

/** What is counted of one controller's queue. */
export interface QueueSeries {
  readonly depth: Series;
  readonly adds: Series;
  readonly retries: Series;
  readonly waited: HistogramSeries;
  readonly worked: HistogramSeries;
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
  return (name) => ({
    depth: depth.with(name),
    adds: adds.with(name),
    retries: retries.with(name),
    waited: waited.with(name),
    worked: worked.with(name),
  });
}
