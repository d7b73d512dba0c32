import {
  type Clock,
  type CounterFamily,
  exponentialBuckets,
  type GaugeFamily,
  type HistogramFamily,
  type HistogramSeries,
  type MetricRegistry,
  type Series,
} from "../lib/index.ts";
import type { Remedy } from "./plugin.ts";
import type { Incoming, SchedulingQueue } from "./queue.ts";

/** How an attempt to place a pod ended. */
export type AttemptResult = "scheduled" | "unschedulable" | "error";

/** Points of the framework. Filter is the whole search for a node: scores are worked out in it. */
export type FrameworkPoint = "Filter" | "PostFilter" | "Permit" | "PreBind" | "Bind";
type PointStatus = "Success" | "Unschedulable" | "Error";

/** Pods that needed as many attempts, or more, are told of together. */
const attemptsToldMax = 15;

interface Attempts {
  readonly count: Series;
  readonly duration: HistogramSeries;
}

/** Counts attempts under the names that Kubernetes' scheduler has for them. */
export class SchedulerMetrics {
  readonly #metrics: MetricRegistry;
  readonly #clock: Clock;
  readonly #pending: GaugeFamily;
  readonly #of: (result: AttemptResult, profile: string) => Attempts;
  /** By the scheduler's name in pods. */
  readonly #profiles = new Map<string, Readonly<Record<AttemptResult, Attempts>>>();
  readonly #pointSeconds: HistogramFamily;
  readonly #points = new Map<string, HistogramSeries>();
  readonly #searchSeconds: HistogramSeries;
  readonly #preemptions: Series;
  readonly #victims: HistogramSeries;
  readonly #incomingPods: CounterFamily;
  readonly #comings = new Map<string, Series>();
  readonly #attemptsNeeded: HistogramSeries;
  readonly #delays: HistogramFamily;

  constructor(metrics: MetricRegistry, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
    const counter = (name: string, help: string, labels: readonly string[] = []) =>
      metrics.counter({ name: `scheduler_${name}`, help, labels });
    const histogram = (name: string, help: string, buckets: readonly number[], labels: readonly string[] = []) =>
      metrics.histogram({ name: `scheduler_${name}`, help, buckets, labels });
    this.#pending = metrics.gauge({
      name: "scheduler_pending_pods",
      help: "Pods without a node, by where they wait.",
      labels: ["queue"],
    });
    const labels = ["result", "profile"];
    const attempts = counter("schedule_attempts_total", "Attempts to place a pod, by how they ended.", labels);
    const attemptBuckets = exponentialBuckets(0.001, 2, 15);
    const durations = histogram(
      "scheduling_attempt_duration_seconds",
      "How long the search for a node and its binding took.",
      attemptBuckets,
      labels,
    );
    this.#of = (result, profile) => ({
      count: attempts.with(result, profile),
      duration: durations.with(result, profile),
    });
    this.#searchSeconds = histogram(
      "scheduling_algorithm_duration_seconds",
      "How long searches took that found a node.",
      attemptBuckets,
    ).with();
    this.#pointSeconds = histogram(
      "framework_extension_point_duration_seconds",
      "How long the plugins of an extension point took; Filter is the search for a node with its scores.",
      exponentialBuckets(0.0001, 2, 12),
      ["extension_point", "status", "profile"],
    );
    this.#preemptions = counter("preemption_attempts_total", "Searches for pods that could go.").with();
    this.#victims = histogram(
      "preemption_victims",
      "How many pods were to go for another.",
      exponentialBuckets(1, 2, 7),
    ).with();
    this.#incomingPods = counter(
      "queue_incoming_pods_total",
      "Pods that came to a part of the queue, by what made them.",
      ["queue", "event"],
    );
    this.#attemptsNeeded = histogram(
      "pod_scheduling_attempts",
      "How many attempts pods needed.",
      exponentialBuckets(1, 2, 5),
    ).with();
    this.#delays = histogram(
      "pod_scheduling_sli_duration_seconds",
      "The time from a pod's first attempt until it was bound.",
      exponentialBuckets(0.01, 2, 20),
      ["attempts"],
    );
  }

  observeQueue(queue: SchedulingQueue): void {
    this.#metrics.onScrape(() => {
      const { active, backoff, waiting, gated } = queue.count();
      for (const [name, count] of Object.entries({ active, backoff, unschedulable: waiting, gated }))
        this.#pending.with(name).value = count;
    });
  }

  readonly incoming: Incoming = (to, event) => {
    this.#comings.getOrInsertComputed(`${to} ${event}`, () => this.#incomingPods.with(to, event)).add();
  };

  /** An attempt that began at `startMs` ended. */
  attempted(profile: string, result: AttemptResult, startMs: number): void {
    const { count, duration } = this.#profiles.getOrInsertComputed(profile, () => ({
      scheduled: this.#of("scheduled", profile),
      unschedulable: this.#of("unschedulable", profile),
      error: this.#of("error", profile),
    }))[result];
    count.add();
    duration.observe(this.#secondsSince(startMs));
  }

  /** A search for a node that began at `startMs` ended, and whether it found one. */
  searched(isFound: boolean, profile: string, startMs: number): void {
    const seconds = this.#secondsSince(startMs);
    this.#ran("Filter", isFound ? "Success" : "Unschedulable", profile, seconds);
    if (isFound) this.#searchSeconds.observe(seconds);
  }

  /** So did a search for what may help. */
  soughtRemedy({ nodeName, victims }: Remedy, profile: string, startMs: number): void {
    this.#ran("PostFilter", nodeName ? "Success" : "Unschedulable", profile, this.#secondsSince(startMs));
    if (victims === undefined) return;
    this.#preemptions.add();
    if (victims > 0) this.#victims.observe(victims);
  }

  /** Does what is to be done at a point of the framework. */
  async timed<T>(point: FrameworkPoint, profile: string, act: () => Promise<T>): Promise<T> {
    const startMs = this.#clock.monotonicMs();
    let status: PointStatus = "Error";
    try {
      const result = await act();
      status = "Success";
      return result;
    } finally {
      this.#ran(point, status, profile, this.#secondsSince(startMs));
    }
  }

  /** A pod was bound with so many attempts, the first of which began at `startMs`. */
  bound(attempts: number, startMs: number): void {
    this.#attemptsNeeded.observe(attempts);
    const told = attempts < attemptsToldMax ? `${attempts}` : `${attemptsToldMax}+`;
    this.#delays.with(told).observe(this.#secondsSince(startMs));
  }

  #ran(point: FrameworkPoint, status: PointStatus, profile: string, seconds: number): void {
    const series = () => this.#pointSeconds.with(point, status, profile);
    this.#points.getOrInsertComputed(`${point} ${status} ${profile}`, series).observe(seconds);
  }

  #secondsSince(startMs: number): number {
    return (this.#clock.monotonicMs() - startMs) / 1000;
  }
}
