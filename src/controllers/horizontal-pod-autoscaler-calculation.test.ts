import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/index.ts";
import {
  type PodMetric,
  type PodSample,
  replicasForAverage,
  replicasForSharedValue,
  replicasForUtilization,
  replicasForValue,
} from "./horizontal-pod-autoscaler-calculation.ts";

const nowMs = Date.parse("2026-01-01T01:00:00Z");
const tolerances = { scaleUp: 0.1, scaleDown: 0.1 };

interface PodOptions {
  readonly request?: string | undefined;
  readonly phase?: string;
  readonly ready?: boolean;
  readonly startTime?: string;
  readonly readySince?: string;
  readonly deleted?: boolean;
  readonly spec?: object;
}

function podOf(name: string, options: PodOptions = {}): Pod {
  const { phase = "Running", ready = true, deleted = false, spec } = options;
  const { startTime = "2026-01-01T00:00:00Z", readySince = "2026-01-01T00:01:00Z" } = options;
  const request = "request" in options ? options.request : "1";
  // Only what the calculation looks at.
  return {
    metadata: { name, ...(deleted ? { deletionTimestamp: "2026-01-01T00:59:00Z" } : {}) },
    spec: { containers: [{ name: "c", resources: request ? { requests: { cpu: request } } : {} }], ...spec },
    status: {
      phase,
      startTime,
      conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: readySince }],
    },
  } as unknown as Pod;
}

/** Pods p0, p1, …; a value of undefined is a pod of which nothing is known. */
function metricOf(values: readonly (number | undefined)[], options: readonly PodOptions[] = []): PodMetric {
  const pods = values.map((_, at) => podOf(`p${at}`, options[at]));
  const samples = new Map<string, PodSample>();
  values.forEach((value, at) => {
    if (value !== undefined) samples.set(`p${at}`, { value, atMs: nowMs, windowMs: 15_000 });
  });
  return { pods, samples, replicas: values.length, tolerances, nowMs };
}
const utilization = (metric: PodMetric, target: number, container?: string) =>
  replicasForUtilization({ ...metric, resource: "cpu" }, target, container);

test("replicas follow the ratio of use to target, but not within the tolerance", () => {
  assert.deepEqual(utilization(metricOf([300, 500, 700]), 30), { replicas: 5, value: 500, utilization: 50 });
  assert.equal(utilization(metricOf([300, 300]), 50).replicas, 2);
  assert.equal(utilization(metricOf([100, 100, 100]), 50).replicas, 1);
  // 55 is exactly a tenth above 50.
  assert.equal(utilization(metricOf([550, 550]), 50).replicas, 2);
  assert.equal(utilization(metricOf([560, 560]), 50).replicas, 3);
  const strict = { ...metricOf([530, 530]), tolerances: { scaleUp: 0.05, scaleDown: 0 } };
  assert.equal(utilization(strict, 50).replicas, 3);
  assert.deepEqual(replicasForAverage(metricOf([20_000, 10_000, 10_000]), 15_000), { replicas: 3, value: 13_333 });
  assert.equal(replicasForAverage(metricOf([20_000, 40_000]), 10_000).replicas, 6);
});

test("pods of which nothing is known damp the change", () => {
  // Upwards they count as idle: (1000 + 1000 + 0) / 3 of 50 %.
  assert.equal(utilization(metricOf([1000, 1000, undefined]), 50).replicas, 4);
  // Downwards they count as using all that they request.
  assert.equal(utilization(metricOf([100, 100, undefined]), 50).replicas, 3);
  assert.equal(utilization(metricOf([100, 100, 100, 100, undefined]), 50).replicas, 3);
  // For targets above what is requested, as using the target.
  assert.equal(utilization(metricOf([100, 100, undefined]), 200).replicas, 2);
  // What turns round stays as it is.
  assert.equal(utilization(metricOf([600, undefined]), 50).replicas, 2);
});

test("pods that are not ready are left out, and count as idle when replicas are to be added", () => {
  const starting = { startTime: "2026-01-01T00:58:00Z", readySince: "2026-01-01T00:58:00Z", ready: false };
  assert.equal(utilization(metricOf([900, 900, 900], [{}, {}, starting]), 50).replicas, 4);
  assert.equal(utilization(metricOf([100, 100, 900], [{}, {}, starting]), 50).replicas, 1);
  // Pending pods have no samples worth looking at.
  assert.equal(utilization(metricOf([900, undefined], [{}, { phase: "Pending" }]), 50).replicas, 2);
  // It was ready before, so what it uses counts.
  const once = { ready: false, readySince: "2026-01-01T00:50:00Z" };
  assert.equal(utilization(metricOf([900, 900], [{}, once]), 50).replicas, 4);
  // A sample from before it was ready.
  const justReady = { startTime: "2026-01-01T00:59:00Z", readySince: "2026-01-01T00:59:50Z" };
  assert.equal(utilization(metricOf([900, 900], [{}, justReady]), 50).replicas, 2);
  // Memory is believed at once.
  assert.equal(replicasForAverage({ ...metricOf([900, 900], [{}, starting]), resource: "memory" }, 450).replicas, 4);
});

test("pods that go or have failed do not count at all", () => {
  assert.equal(utilization(metricOf([800, 800, 800], [{}, { deleted: true }, { phase: "Failed" }]), 40).replicas, 2);
});

test("what cannot be calculated says why", () => {
  const table: readonly [() => unknown, string][] = [
    [() => utilization(metricOf([]), 50), "no pods returned by selector while calculating replica count"],
    [() => utilization(metricOf([undefined]), 50), "did not receive metrics for targeted pods (pods might be unready)"],
    [
      () => utilization(metricOf([100], [{ request: undefined }]), 50),
      "missing request for cpu in container c of Pod p0",
    ],
    [() => utilization(metricOf([100]), 50, "other"), "container other not found in Pod p0"],
    [() => utilization(metricOf([100], [{ request: "0" }]), 50), "no metrics returned matched known pods"],
  ];
  for (const [act, message] of table) assert.throws(act, { message });
});

test("what is requested is that of the pod as a whole, of its containers with sidecars, or of one container", () => {
  const cpu = (amount: string) => ({ resources: { requests: { cpu: amount } } });
  const spec = {
    containers: [{ name: "c", ...cpu("500m") }],
    initContainers: [
      { name: "sidecar", restartPolicy: "Always", ...cpu("500m") },
      { name: "once", ...cpu("8") },
    ],
  };
  assert.equal(utilization(metricOf([500], [{ spec }]), 50).utilization, 50);
  assert.equal(utilization(metricOf([250], [{ spec }]), 50, "c").utilization, 50);
  assert.equal(utilization(metricOf([500], [{ spec: { ...spec, ...cpu("2") } }]), 50).utilization, 25);
});

test("one value for all pods counts those that are ready", () => {
  const { pods } = metricOf([0, 0, 0], [{}, {}, { ready: false }]);
  assert.deepEqual(replicasForValue(30_000, 10_000, { pods, replicas: 3, tolerances }), { replicas: 6, value: 30_000 });
  assert.equal(replicasForValue(10_500, 10_000, { pods, replicas: 3, tolerances }).replicas, 3);
  assert.equal(replicasForValue(25_000, 10_000, { pods: [], replicas: 0, tolerances }).replicas, 3);
  assert.equal(replicasForValue(0, 10_000, { pods: [], replicas: 0, tolerances }).replicas, 0);
  assert.throws(() => replicasForValue(25_000, 10_000, { pods: [], replicas: 1, tolerances }), /no pods returned/);
});

test("one value for all pods against a target for each needs no pods", () => {
  assert.deepEqual(replicasForSharedValue(50_000, 10_000, 3, tolerances), { replicas: 5, value: 16_667 });
  assert.equal(replicasForSharedValue(31_000, 10_000, 3, tolerances).replicas, 3);
  assert.deepEqual(replicasForSharedValue(50_000, 10_000, 0, tolerances), { replicas: 5, value: 0 });
});
