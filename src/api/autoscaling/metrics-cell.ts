import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from "../types.generated.ts";

const shownMax = 2;
const unknown = "<unknown>";

/** What the autoscaler measures and what it aims for: `cpu: 10%/50%, 3/20 (avg) + 1 more...`. */
export function metricsCell({ spec, status }: HorizontalPodAutoscaler): string {
  const metrics = spec.metrics ?? [];
  if (metrics.length === 0) return "<none>";
  const shown = metrics
    .slice(0, shownMax)
    .map((metric, index) => metricText(metric, status.currentMetrics?.[index]))
    .join(", ");
  return metrics.length > shownMax ? `${shown} + ${metrics.length - shownMax} more...` : shown;
}

function metricText(metric: MetricSpec, status: MetricStatus | undefined): string {
  switch (metric.type) {
    case "External":
      return valueText(metric.external?.target, status?.external?.current);
    case "Object":
      return valueText(metric.object?.target, status?.object?.current);
    case "Pods":
      return `${status?.pods?.current.averageValue ?? unknown}/${metric.pods?.target.averageValue}`;
    case "Resource":
      return `${metric.resource?.name}: ${resourceText(metric.resource?.target, status?.resource?.current)}`;
    case "ContainerResource": {
      const { name, target } = metric.containerResource ?? {};
      return `${name}: ${resourceText(target, status?.containerResource?.current)}`;
    }
    default:
      return "<unknown type>";
  }
}

function valueText(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  return target?.averageValue === undefined
    ? `${current?.value ?? unknown}/${target?.value}`
    : `${current?.averageValue ?? unknown}/${target.averageValue} (avg)`;
}

function resourceText(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? unknown}/${target.averageValue}`;
  const percent = (value: number | undefined, ifNone: string) => (value === undefined ? ifNone : `${value}%`);
  return `${percent(current?.averageUtilization, unknown)}/${percent(target?.averageUtilization, "<auto>")}`;
}
