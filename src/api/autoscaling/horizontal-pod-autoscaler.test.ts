import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, errorsOnCreate, errorsOnStatusUpdate, type Partially } from "../definition-fixture.ts";
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerV1 } from "../index.ts";
import { HorizontalPodAutoscalers } from "./horizontal-pod-autoscaler.ts";
import { HorizontalPodAutoscalersV1 } from "./horizontal-pod-autoscaler-v1.ts";

type Autoscaler = Partially<HorizontalPodAutoscaler>;

const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
const spec = { scaleTargetRef, maxReplicas: 5 };

test("an autoscaler gets the defaults of v2", () => {
  const autoscaler = created(HorizontalPodAutoscalers, {
    spec: { ...spec, behavior: { scaleDown: { selectPolicy: "Min" } } },
  });
  assert.deepEqual(autoscaler.spec, {
    ...spec,
    minReplicas: 1,
    metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } }],
    behavior: {
      scaleUp: {
        stabilizationWindowSeconds: 0,
        selectPolicy: "Max",
        policies: [
          { type: "Pods", value: 4, periodSeconds: 15 },
          { type: "Percent", value: 100, periodSeconds: 15 },
        ],
      },
      scaleDown: { selectPolicy: "Min", policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] },
    },
  });
});

const invalid: readonly (readonly [string, Autoscaler, readonly string[]])[] = [
  ["a good one", { spec }, []],
  [
    "counts",
    { spec: { scaleTargetRef, minReplicas: 0, maxReplicas: 0 } },
    [
      "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
      "spec.maxReplicas: Invalid value: 0: must be greater than 0",
      "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
    ],
  ],
  [
    "less than the least",
    { spec: { ...spec, minReplicas: 6 } },
    ["spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`"],
  ],
  [
    "no target",
    { spec: { maxReplicas: 1 } },
    ["spec.scaleTargetRef.kind: Required value", "spec.scaleTargetRef.name: Required value"],
  ],
  [
    "a resource without a target",
    { spec: { ...spec, metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "" } } }] } },
    [
      "spec.metrics[0].resource.target.type: Required value: must specify a metric target type",
      'spec.metrics[0].resource.target.type: Invalid value: "": must be either Utilization, Value, or AverageValue',
      "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization",
    ],
  ],
  [
    "a field of another type",
    {
      spec: {
        ...spec,
        metrics: [
          {
            type: "Pods",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 0 } },
          },
        ],
      },
    },
    [
      "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0",
      "spec.metrics[0].pods: Required value: must populate information for the given metric source",
    ],
  ],
  [
    "behavior",
    {
      spec: {
        ...spec,
        behavior: {
          scaleUp: {
            stabilizationWindowSeconds: 3601,
            selectPolicy: "Some",
            policies: [{ type: "Cores", value: 0, periodSeconds: 1801 }],
          },
          scaleDown: { policies: [] },
        },
      },
    },
    [
      "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600",
      'spec.behavior.scaleUp.selectPolicy: Unsupported value: "Some": supported values: "Disabled", "Max", "Min"',
      'spec.behavior.scaleUp.policies[0].type: Unsupported value: "Cores": supported values: "Percent", "Pods"',
      "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
      "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
      "spec.behavior.scaleDown.policies: Required value: must specify at least one Policy",
    ],
  ],
];

for (const [name, object, errors] of invalid)
  test(`an autoscaler is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(HorizontalPodAutoscalers, object), errors);
  });

test("the status of an autoscaler counts no less than nothing", () => {
  const errors = errorsOnStatusUpdate(HorizontalPodAutoscalers, { spec }, (draft) => {
    draft.status = { currentReplicas: -1, desiredReplicas: 0 };
  });
  assert.deepEqual(errors, ["status.currentReplicas: Invalid value: -1: must be greater than or equal to 0"]);
});

const cpu = { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } };
const queue = {
  type: "External",
  external: { metric: { name: "queue" }, target: { type: "AverageValue", averageValue: "20" } },
};

test("the row of an autoscaler says what it measures", () => {
  const row = cells(HorizontalPodAutoscalers, {
    metadata: { name: "web" },
    spec: { ...spec, metrics: [cpu, queue, cpu] },
    status: {
      currentReplicas: 2,
      currentMetrics: [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: 10 } } }],
    },
  });
  assert.deepEqual(row, {
    Name: "web",
    Reference: "Deployment/web",
    Targets: "cpu: 10%/50%, <unknown>/20 (avg) + 1 more...",
    MinPods: "1",
    MaxPods: 5,
    Replicas: 2,
    Age: "<unknown>",
  });
});

const { stored } = HorizontalPodAutoscalersV1;

/** Without the annotations, which are compared as what they hold. */
function asV1(object: Autoscaler) {
  const complete = created(HorizontalPodAutoscalers, object);
  return stored?.fromStored(complete) as HorizontalPodAutoscalerV1;
}

test("v1 keeps in annotations what it has no fields for, and gives it back", () => {
  const prepared = created(HorizontalPodAutoscalers, {
    metadata: { annotations: { own: "1" } },
    spec: {
      ...spec,
      metrics: [
        queue,
        {
          type: "ContainerResource",
          containerResource: {
            name: "memory",
            container: "main",
            target: { type: "AverageValue", averageValue: "1Gi" },
          },
        },
        {
          type: "Object",
          object: { describedObject: scaleTargetRef, metric: { name: "hits" }, target: { type: "Value", value: "2k" } },
        },
        { type: "Pods", pods: { metric: { name: "hits" }, target: { type: "AverageValue", averageValue: "1k" } } },
        cpu,
      ],
      behavior: { scaleUp: { selectPolicy: "Min", tolerance: "100m" } },
    },
  });
  const object: HorizontalPodAutoscaler = {
    ...prepared,
    status: {
      currentReplicas: 1,
      desiredReplicas: 2,
      currentMetrics: [
        { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 70, averageValue: "300m" } } },
      ],
      conditions: [
        { type: "AbleToScale", status: "True", reason: "Ready", lastTransitionTime: "2025-01-01T00:00:00Z" },
      ],
    },
  };
  const v1 = stored?.fromStored(object) as HorizontalPodAutoscalerV1;
  assert.deepEqual(v1.spec, { ...spec, minReplicas: 1, targetCPUUtilizationPercentage: 50 });
  assert.deepEqual(v1.status, { currentReplicas: 1, desiredReplicas: 2, currentCPUUtilizationPercentage: 70 });
  const annotations = v1.metadata.annotations ?? {};
  assert.equal(annotations.own, "1");
  const inAnnotation = (name: string) => JSON.parse(annotations[`autoscaling.alpha.kubernetes.io/${name}`] ?? "null");
  assert.deepEqual(inAnnotation("metrics"), [
    { type: "External", external: { metricName: "queue", targetAverageValue: "20" } },
    { type: "ContainerResource", containerResource: { name: "memory", targetAverageValue: "1Gi", container: "main" } },
    { type: "Object", object: { target: scaleTargetRef, metricName: "hits", targetValue: "2k" } },
    { type: "Pods", pods: { metricName: "hits", targetAverageValue: "1k" } },
  ]);
  assert.deepEqual(inAnnotation("current-metrics"), [
    { type: "Resource", resource: { name: "cpu", currentAverageUtilization: 70, currentAverageValue: "300m" } },
  ]);
  assert.equal(inAnnotation("behavior").ScaleUp.SelectPolicy, "Min");
  assert.equal(inAnnotation("conditions")[0].type, "AbleToScale");
  assert.deepEqual(stored?.toStored(v1), { ...object, apiVersion: "autoscaling/v2" });
});

test("v1 without metrics aims at the default", () => {
  const v2 = stored?.toStored(created(HorizontalPodAutoscalersV1, { spec })) as HorizontalPodAutoscaler;
  assert.deepEqual(v2.spec.metrics?.[0]?.resource?.target, { type: "Utilization", averageUtilization: 80 });
  assert.equal(asV1({ spec }).spec.targetCPUUtilizationPercentage, 80);
});

test("v1 ignores annotations that cannot be read", () => {
  const annotations = {
    "autoscaling.alpha.kubernetes.io/metrics": "[1]",
    "autoscaling.alpha.kubernetes.io/behavior": "{",
    "autoscaling.alpha.kubernetes.io/conditions": '[{"type": 1}]',
  };
  const object = { metadata: { annotations }, spec: { ...spec, targetCPUUtilizationPercentage: 30 } };
  const v2 = stored?.toStored(created(HorizontalPodAutoscalersV1, object)) as HorizontalPodAutoscaler;
  assert.equal(v2.metadata.annotations, undefined);
  assert.deepEqual(v2.spec.metrics?.length, 1);
  assert.equal(v2.spec.behavior, undefined);
  assert.equal(v2.status.conditions, undefined);
});

test("v1 takes no status from the annotations of a new object", () => {
  const annotations = { "autoscaling.alpha.kubernetes.io/conditions": '[{"type": "Forged", "status": "True"}]' };
  const object = created(HorizontalPodAutoscalersV1, { metadata: { annotations }, spec });
  assert.deepEqual(object.metadata.annotations, {});
});

test("v1 is validated as v2", () => {
  assert.deepEqual(
    errorsOnCreate(HorizontalPodAutoscalersV1, { spec: { ...spec, targetCPUUtilizationPercentage: 0 } }),
    ["spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0"],
  );
});
