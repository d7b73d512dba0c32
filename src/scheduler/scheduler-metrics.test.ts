import assert from "node:assert/strict";
import { test } from "node:test";
import { atRest, pass } from "../../test/faulty-api.ts";
import { valuesOf } from "../../test/metric-values.ts";
import { schedulerScene } from "../../test/scheduler-scene.ts";
import { Pods } from "../api/index.ts";
import { MetricRegistry, VirtualClock } from "../lib/index.ts";
import { SchedulerMetrics } from "./scheduler-metrics.ts";

test("scheduler_… counts where pods wait and why, their attempts and how long they took", async () => {
  const { client, clock, metrics, addNode, addPod, stop } = await schedulerScene();
  const counted = (name: string) => valuesOf(metrics, `scheduler_${name}`);
  await addPod({ name: "web", requests: { cpu: "2" } });
  await pass(clock, 3_000);
  await addNode({ name: "node-1", allocatable: { cpu: "2" } });
  await addPod({ name: "next", requests: { cpu: "2" } });
  await pass(clock, 4_000);
  await client.delete(Pods, { namespace: "default", name: "web" }, { body: { gracePeriodSeconds: 0 } });
  await atRest();
  assert.deepEqual(counted("queue_incoming_pods_total"), {
    'queue="active",event="UnschedulablePodAdd"': 2,
    'queue="unschedulable",event="ScheduleAttemptFailure"': 2,
    'queue="active",event="NodeAdd"': 1,
    'queue="active",event="AssignedPodDelete"': 1,
  });
  assert.deepEqual(counted("pod_scheduling_attempts_sum"), { "": 4 });
  assert.deepEqual(counted("pod_scheduling_attempts_count"), { "": 2 });
  assert.deepEqual(counted("pod_scheduling_sli_duration_seconds_count"), { 'attempts="2"': 2 });
  assert.deepEqual(counted("pod_scheduling_sli_duration_seconds_sum"), { 'attempts="2"': 7 });
  assert.deepEqual(counted("scheduling_algorithm_duration_seconds_count"), { "": 2 });
  const profile = 'profile="default-scheduler"';
  assert.deepEqual(counted("framework_extension_point_duration_seconds_count"), {
    [`extension_point="Filter",status="Unschedulable",${profile}`]: 2,
    [`extension_point="PostFilter",status="Unschedulable",${profile}`]: 2,
    [`extension_point="Filter",status="Success",${profile}`]: 2,
    [`extension_point="Bind",status="Success",${profile}`]: 2,
  });
  // Without a node there is nobody to preempt.
  assert.deepEqual(counted("preemption_attempts_total"), { "": 1 });
  await stop();
});

test("scheduler_preemption_… counts searches for pods that could go, and those that go", async () => {
  const { metrics, addNode, addPod, stop } = await schedulerScene();
  await addNode({ name: "node-1", allocatable: { cpu: "2" } });
  for (const name of ["a", "b"]) await addPod({ name, requests: { cpu: "1" } });
  await addPod({ name: "urgent", priority: 1_000, requests: { cpu: "2" } });
  assert.deepEqual(valuesOf(metrics, "scheduler_preemption_attempts_total"), { "": 1 });
  assert.deepEqual(valuesOf(metrics, "scheduler_preemption_victims_sum"), { "": 2 });
  const points = valuesOf(metrics, "scheduler_framework_extension_point_duration_seconds_count");
  assert.equal(points['extension_point="PostFilter",status="Success",profile="default-scheduler"'], 1);
  await stop();
});

test("pods that needed fifteen attempts or more are told of together", () => {
  const metrics = new MetricRegistry();
  const scheduler = new SchedulerMetrics(metrics, new VirtualClock());
  for (const attempts of [14, 15, 100]) scheduler.bound(attempts, 0);
  assert.deepEqual(valuesOf(metrics, "scheduler_pod_scheduling_sli_duration_seconds_count"), {
    'attempts="14"': 1,
    'attempts="15+"': 2,
  });
});
