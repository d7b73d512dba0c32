import { exponentialBuckets, type HistogramSeries, type MetricRegistry, type Series } from "../lib/index.ts";

/** How an attempt to place a pod ended. */
export type AttemptResult = "scheduled" | "unschedulable" | "error";

/** Counts attempts under the names that Kubernetes' scheduler has for them. */
export class SchedulerMetrics {
  readonly #attempts: Readonly<Record<AttemptResult, { readonly count: Series; readonly duration: HistogramSeries }>>;

  /** `profile` is the scheduler's name in pods. */
  constructor(metrics: MetricRegistry, profile: string) {
    const labels = ["result", "profile"];
    const attempts = metrics.counter({
      name: "scheduler_schedule_attempts_total",
      help: "Attempts to place a pod, by how they ended.",
      labels,
    });
    const durations = metrics.histogram({
      name: "scheduler_scheduling_attempt_duration_seconds",
      help: "How long the search for a node and its binding took.",
      labels,
      buckets: exponentialBuckets(0.001, 2, 15),
    });
    const of = (result: AttemptResult) => ({
      count: attempts.with(result, profile),
      duration: durations.with(result, profile),
    });
    this.#attempts = { scheduled: of("scheduled"), unschedulable: of("unschedulable"), error: of("error") };
  }

  attempted(result: AttemptResult, seconds: number): void {
    const { count, duration } = this.#attempts[result];
    count.add();
    duration.observe(seconds);
  }
}
