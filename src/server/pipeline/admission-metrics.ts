import type { HistogramSeries, MetricRegistry } from "../../lib/index.ts";
import type { Operation } from "../admission/admission.ts";

/** A step of admission: all plugins that may change an object, or all that may refuse it. */
export type AdmissionStep = "admit" | "validate";

/** As k8s.io/apiserver/pkg/admission/metrics has them. */
const secondsBuckets = [0.005, 0.025, 0.1, 0.5, 1, 2.5];

/** Tells how long the steps of admission take. */
export class AdmissionMetrics {
  readonly #seriesOf: (step: AdmissionStep, operation: Operation, rejected: boolean) => HistogramSeries;

  constructor(metrics: MetricRegistry) {
    const durations = metrics.histogram({
      name: "apiserver_admission_step_admission_duration_seconds",
      help: "How long a step of admission took.",
      labels: ["type", "operation", "rejected"],
      buckets: secondsBuckets,
    });
    const known = new Map<string, HistogramSeries>();
    this.#seriesOf = (step, operation, rejected) =>
      known.getOrInsertComputed(`${step} ${operation} ${rejected}`, () =>
        durations.with(step, operation, String(rejected)),
      );
  }

  observe(step: AdmissionStep, operation: Operation, rejected: boolean, seconds: number): void {
    this.#seriesOf(step, operation, rejected).observe(seconds);
  }
}
