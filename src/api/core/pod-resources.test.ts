import assert from "node:assert/strict";
import { test } from "node:test";
import { formatQuantity } from "../meta/quantity.ts";
import type { Container, Pod, PodSpec, PodStatus } from "../types.generated.ts";
import { podQos } from "./pod-qos.ts";
import { podLimits, podLimitsInForce, podRequests, type ResourceAmounts } from "./pod-resources.ts";

const podOf = (spec: Partial<PodSpec>, status: Partial<PodStatus> = {}) =>
  ({ metadata: {}, spec: { containers: [], ...spec }, status }) as unknown as Pod;
const container = (requests: Record<string, string>, limits?: Record<string, string>, restartPolicy?: string) =>
  ({ name: "c", resources: { requests, ...(limits && { limits }) }, restartPolicy }) as unknown as Container;
const print = (amounts: ResourceAmounts) =>
  Object.fromEntries([...amounts].map(([name, amount]) => [name, formatQuantity(amount)]));

test("a pod needs the sum of its containers or the largest init container", () => {
  const pod = podOf({
    containers: [container({ cpu: "100m", memory: "64Mi" }), container({ cpu: "200m" })],
    initContainers: [container({ cpu: "1", memory: "32Mi" }), container({ cpu: "500m" })],
  });
  assert.deepEqual(print(podRequests(pod)), { cpu: "1", memory: "64Mi" });
});

test("sidecars count beside the containers and beside later init containers", () => {
  const pod = podOf({
    containers: [container({ cpu: "300m" })],
    initContainers: [
      container({ cpu: "500m" }),
      container({ cpu: "200m" }, undefined, "Always"),
      container({ cpu: "350m" }),
    ],
  });
  assert.deepEqual(print(podRequests(pod)), { cpu: "550m" });
});

test("what the pod asks for as a whole and its overhead count", () => {
  const pod = podOf({
    containers: [container({ cpu: "300m", "example.com/gpu": "1" }, { cpu: "1" })],
    resources: { requests: { cpu: "700m" }, limits: { memory: "1Gi" } },
    overhead: { cpu: "50m", memory: "16Mi" },
  });
  assert.deepEqual(print(podRequests(pod)), { cpu: "750m", "example.com/gpu": "1", memory: "16Mi" });
  assert.deepEqual(print(podLimits(pod)), { cpu: "1050m", memory: "1040Mi" });
});

test("a container that is resized counts for the most of what it asks for, was given and has", () => {
  const containerStatuses = [
    { name: "c", resources: { requests: { cpu: "1", memory: "2Gi" } }, allocatedResources: { cpu: "3" } },
  ] as unknown as NonNullable<PodStatus["containerStatuses"]>;
  const requests = (cpu: string, status: Partial<PodStatus>) =>
    print(podRequests(podOf({ containers: [container({ cpu, memory: "1Gi" })] }, { containerStatuses, ...status })));
  assert.deepEqual(requests("2", {}), { cpu: "3", memory: "2Gi" });
  assert.deepEqual(requests("8", {}), { cpu: "8", memory: "2Gi" });
  const conditions = [{ type: "PodResizePending", status: "True", reason: "Infeasible" }];
  assert.deepEqual(requests("8", { conditions }), { cpu: "3", memory: "2Gi" });
  // A status may tell of resources of any name.
  const strange = [{ ...containerStatuses[0]!, allocatedResources: { constructor: "1" } }];
  assert.deepEqual(requests("8", { containerStatuses: strange }), { cpu: "8", memory: "2Gi", constructor: "1" });
});

test("limits that are being lowered are in force until the container runs with the new ones", () => {
  const resources = { limits: { cpu: "2", memory: "1Gi" } };
  const containerStatuses = [{ name: "c", resources }] as unknown as NonNullable<PodStatus["containerStatuses"]>;
  const pod = (limits: Record<string, string>, status: Partial<PodStatus> = {}) =>
    podOf({ containers: [container({}, limits)] }, { containerStatuses, ...status });
  assert.deepEqual(print(podLimitsInForce(pod({ cpu: "1", memory: "2Gi" }))), { cpu: "2", memory: "2Gi" });
  assert.deepEqual(print(podLimits(pod({ cpu: "1", memory: "2Gi" }))), { cpu: "1", memory: "2Gi" });
  const conditions = [{ type: "PodResizePending", status: "True", reason: "Infeasible" }];
  assert.deepEqual(print(podLimitsInForce(pod({ cpu: "8", memory: "1Gi" }, { conditions }))), {
    cpu: "2",
    memory: "1Gi",
  });
  assert.deepEqual(print(podLimitsInForce(podOf({ containers: [container({}, { cpu: "1" })] }))), { cpu: "1" });
});

test("the quality of service class follows from requests and limits", () => {
  const both = { cpu: "1", memory: "1Gi" };
  const table: [string, Partial<PodSpec>, string][] = [
    ["nothing asked for", { containers: [container({})] }, "BestEffort"],
    ["only a resource that is not computing", { containers: [container({ "example.com/gpu": "1" })] }, "BestEffort"],
    ["a zero request", { containers: [container({ cpu: "0" })] }, "BestEffort"],
    ["requests below limits", { containers: [container({ cpu: "500m", memory: "1Gi" }, both)] }, "Burstable"],
    ["limits of one resource", { containers: [container({ cpu: "1" }, { cpu: "1" })] }, "Burstable"],
    ["requests equal limits", { containers: [container({ cpu: "1000m", memory: "1024Mi" }, both)] }, "Guaranteed"],
    ["one container without", { containers: [container(both, both), container({})] }, "Burstable"],
    [
      "an init container without",
      { containers: [container(both, both)], initContainers: [container({})] },
      "Burstable",
    ],
    ["the pod as a whole", { containers: [container({})], resources: { requests: both, limits: both } }, "Guaranteed"],
  ];
  for (const [what, spec, expected] of table) assert.equal(podQos(podOf(spec)), expected, what);
});
