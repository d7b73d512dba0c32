// What is counted of autoscalers, under the names of pkg/controller/podautoscaler/monitor.
import { exponentialBuckets, type MetricRegistry } from "../lib/index.ts";

export type ScalingAction = "scale_up" | "scale_down" | "none";
export type ScalingError = "spec" | "internal" | "none";

/** What an autoscaler does to as many replicas as there are. */
export function actionOf(desired: number, current: number): ScalingAction {
  if (desired === current) return "none";
  return desired > current ? "scale_up" : "scale_down";
}

export interface ScaledTo {
  readonly namespace: string;
  readonly name: string;
  readonly replicas: number | undefined;
}

export class AutoscalerMonitor {
  readonly #looks;
  readonly #lookSeconds;
  readonly #computations;
  readonly #computationSeconds;

  /** `autoscalers` are asked for with each scrape. */
  constructor(metrics: MetricRegistry, autoscalers: () => readonly ScaledTo[]) {
    const subsystem = "horizontal_pod_autoscaler_controller";
    const buckets = exponentialBuckets(0.001, 2, 15);
    const look = ["action", "error"];
    const computation = [...look, "metric_type"];
    this.#looks = metrics.counter({
      name: `${subsystem}_reconciliations_total`,
      help: "Looks at autoscalers.",
      labels: look,
    });
    this.#lookSeconds = metrics.histogram({
      name: `${subsystem}_reconciliation_duration_seconds`,
      help: "How long a look at an autoscaler took.",
      labels: look,
      buckets,
    });
    this.#computations = metrics.counter({
      name: `${subsystem}_metric_computation_total`,
      help: "Replicas worked out from a metric, by what that one asks for.",
      labels: computation,
    });
    this.#computationSeconds = metrics.histogram({
      name: `${subsystem}_metric_computation_duration_seconds`,
      help: "How long it took to work out the replicas that a metric asks for.",
      labels: computation,
      buckets,
    });
    const count = metrics.gauge({ name: `${subsystem}_num_horizontal_pod_autoscalers`, help: "Autoscalers." });
    const desired = metrics.gauge({
      name: `${subsystem}_desired_replicas`,
      help: "How many replicas an autoscaler wants.",
      labels: ["namespace", "hpa_name"],
    });
    metrics.onScrape(() => {
      const all = autoscalers();
      count.with().value = all.length;
      desired.clear();
      for (const { namespace, name, replicas } of all)
        if (replicas !== undefined) desired.with(namespace, name).value = replicas;
    });
  }

  looked(action: ScalingAction, error: ScalingError, seconds: number): void {
    this.#looks.with(action, error).add();
    this.#lookSeconds.with(action, error).observe(seconds);
  }

  computed(action: ScalingAction, error: ScalingError, metricType: string, seconds: number): void {
    this.#computations.with(action, error, metricType).add();
    this.#computationSeconds.with(action, error, metricType).observe(seconds);
  }
}
