import type { HistogramSeries, MetricRegistry } from "../../lib/index.ts";
import type { Operation } from "../admission/admission.ts";

/** A step of admission: all plugins that may change an object, or all that may refuse it. */
export type AdmissionStep = "admit" | "validate";

/** As k8s.io/apiserver/pkg/admission/metrics has them. */
const secondsBuckets = [0.005, 0.025, 0.1, 0.5, 1, 2.5];

/** How long one plugin takes in one step of one operation; a series is there from its first observation on. */
export class PluginDurations {
  readonly #series: (rejected: boolean) => HistogramSeries;
  #accepted: HistogramSeries | undefined;

  constructor(series: (rejected: boolean) => HistogramSeries) {
    this.#series = series;
  }

  observe(rejected: boolean, seconds: number): void {
    if (rejected) {
      this.#series(true).observe(seconds);
      return;
    }
    this.#accepted ??= this.#series(false);
    this.#accepted.observe(seconds);
  }
}

/** Tells how long the steps of admission take, and each plugin in them. */
export class AdmissionMetrics {
  readonly plugin: (name: string, step: AdmissionStep, operation: Operation) => PluginDurations;
  readonly #seriesOf: (step: AdmissionStep, operation: Operation, rejected: boolean) => HistogramSeries;

  constructor(metrics: MetricRegistry) {
    const durations = metrics.histogram({
      name: "apiserver_admission_step_admission_duration_seconds",
      help: "How long a step of admission took.",
      labels: ["type", "operation", "rejected"],
      buckets: secondsBuckets,
    });
    const ofPlugins = metrics.histogram({
      name: "apiserver_admission_controller_admission_duration_seconds",
      help: "How long an admission plugin took that looks at the resource.",
      labels: ["name", "type", "operation", "rejected"],
      buckets: secondsBuckets,
    });
    this.plugin = (name, step, operation) =>
      new PluginDurations((rejected) => ofPlugins.with(name, step, operation, String(rejected)));
    // Looked up several times in each write, so by what is there already: a text made of it costs ten times as much.
    const ofStep = () => [new Map<Operation, HistogramSeries>(), new Map<Operation, HistogramSeries>()] as const;
    const known = { admit: ofStep(), validate: ofStep() };
    this.#seriesOf = (step, operation, rejected) =>
      known[step][rejected ? 1 : 0].getOrInsertComputed(operation, () =>
        durations.with(step, operation, String(rejected)),
      );
  }

  observe(step: AdmissionStep, operation: Operation, rejected: boolean, seconds: number): void {
    this.#seriesOf(step, operation, rejected).observe(seconds);
  }
}
