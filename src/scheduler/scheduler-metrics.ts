import { exponentialBuckets, type HistogramSeries, type MetricRegistry, type Series } from "../lib/index.ts";
import type { SchedulingQueue } from "./queue.ts";

/** How an attempt to place a pod ended. */
export type AttemptResult = "scheduled" | "unschedulable" | "error";

interface Attempts {
  readonly count: Series;
  readonly duration: HistogramSeries;
}

/** Counts attempts under the names that Kubernetes' scheduler has for them. */
export class SchedulerMetrics {
  readonly #of: (result: AttemptResult, profile: string) => Attempts;
  /** By the scheduler's name in pods. */
  readonly #profiles = new Map<string, Readonly<Record<AttemptResult, Attempts>>>();

  constructor(metrics: MetricRegistry, queue: SchedulingQueue) {
    const pending = metrics.gauge({
      name: "scheduler_pending_pods",
      help: "Pods without a node, by where they wait.",
      labels: ["queue"],
    });
    metrics.onScrape(() => {
      const { active, backoff, waiting, gated } = queue.count();
      for (const [name, count] of Object.entries({ active, backoff, unschedulable: waiting, gated }))
        pending.with(name).value = count;
    });
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
    this.#of = (result, profile) => ({
      count: attempts.with(result, profile),
      duration: durations.with(result, profile),
    });
  }

  attempted(profile: string, result: AttemptResult, seconds: number): void {
    const { count, duration } = this.#profiles.getOrInsertComputed(profile, () => ({
      scheduled: this.#of("scheduled", profile),
      unschedulable: this.#of("unschedulable", profile),
      error: this.#of("error", profile),
    }))[result];
    count.add();
    duration.observe(seconds);
  }
}
