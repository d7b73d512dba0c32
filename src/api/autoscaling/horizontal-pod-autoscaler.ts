import { type Draft, deepCopy } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { nonnegative } from "../field-rules.ts";
import { type Column, defineResource } from "../resource.ts";
import type { HorizontalPodAutoscaler, HPAScalingRules, MetricSpec } from "../types.generated.ts";
import { validateAutoscalerSpec } from "./horizontal-pod-autoscaler-validation.ts";
import { metricsCell } from "./metrics-cell.ts";

/** What an autoscaler without metrics holds its pods at. */
export const defaultMetric: MetricSpec = cpuUtilization(80);

export function cpuUtilization(percent: number): MetricSpec {
  return { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: percent } } };
}

const columns: readonly Column<HorizontalPodAutoscaler>[] = [
  nameColumn,
  {
    name: "Reference",
    type: "string",
    of: ({ spec: { scaleTargetRef } }) => `${scaleTargetRef.kind}/${scaleTargetRef.name}`,
  },
  { name: "Targets", type: "string", of: metricsCell },
  { name: "MinPods", type: "string", of: ({ spec }) => String(spec.minReplicas ?? "<unset>") },
  { name: "MaxPods", type: "string", of: ({ spec }) => spec.maxReplicas },
  { name: "Replicas", type: "string", of: ({ status }) => status.currentReplicas ?? 0 },
  ageColumn,
];

export const HorizontalPodAutoscalers = defineResource<HorizontalPodAutoscaler>({
  group: "autoscaling",
  version: "v2",
  kind: "HorizontalPodAutoscaler",
  plural: "horizontalpodautoscalers",
  shortNames: ["hpa"],
  categories: ["all"],
  columns,
  hasGeneration: false,
  defaults: ({ spec }) => {
    spec.minReplicas ??= 1;
    if (!spec.metrics?.length) spec.metrics = [deepCopy(defaultMetric)];
    if (!spec.behavior) return;
    spec.behavior.scaleUp = { ...defaultScaleUp(), ...spec.behavior.scaleUp };
    spec.behavior.scaleDown = { ...defaultScaleDown(), ...spec.behavior.scaleDown };
  },
  validate: ({ spec }, at) => validateAutoscalerSpec(spec, at.child("spec")),
  validateStatusUpdate: ({ status }, _old, at) => [
    ...nonnegative(at.child("status", "currentReplicas"), status.currentReplicas),
    ...nonnegative(at.child("status", "desiredReplicas"), status.desiredReplicas),
  ],
});

function defaultScaleUp(): Draft<HPAScalingRules> {
  return {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    policies: [
      { type: "Pods", value: 4, periodSeconds: 15 },
      { type: "Percent", value: 100, periodSeconds: 15 },
    ],
  };
}

/** Without a window, for which the controller has a setting of its own. */
function defaultScaleDown(): Draft<HPAScalingRules> {
  return { selectPolicy: "Max", policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] };
}
