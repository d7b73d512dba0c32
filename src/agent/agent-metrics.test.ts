import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene, nodeName } from "../../test/agent-scene.ts";
import { MetricRegistry } from "../lib/index.ts";

test("the agent counts its pods, how fast they start and what it asks of the engine, in the kubelet's names", async () => {
  const metrics = new MetricRegistry();
  const { pass, run } = await agentScene({ metrics, engine: { sandboxMs: 3_000, startMs: 40 } });
  const has = (line: string) => assert.ok(metrics.text().includes(`${line}\n`), line);
  has(`kubelet_node_name{node="${nodeName}"} 1`);
  has("kubelet_running_pods 0");
  await run({});
  has("kubelet_pod_start_duration_seconds_count 0");
  await pass(5_000);
  has("kubelet_running_pods 1");
  has('kubelet_running_containers{container_state="running"} 1');
  has('kubelet_pod_start_duration_seconds_bucket{le="3"} 0');
  has('kubelet_pod_start_duration_seconds_bucket{le="4"} 1');
  has('kubelet_runtime_operations_total{operation_type="run_podsandbox"} 1');
  has('kubelet_runtime_operations_duration_seconds_count{operation_type="run_podsandbox"} 1');
  has('kubelet_runtime_operations_errors_total{operation_type="run_podsandbox"} 0');
  // Its volumes and its sandbox.
  has('kubelet_pod_worker_duration_seconds_count{operation_type="create"} 2');
});

test("what the engine failed at is counted", async () => {
  const metrics = new MetricRegistry();
  const { pass, run } = await agentScene({ metrics, engine: { pull: () => new Error("no such image") } });
  await run({ containers: [{ name: "app", image: "unknown:1" }] });
  await pass(100);
  const [, count] = /errors_total\{operation_type="pull_image"\} (\d+)/.exec(metrics.text()) ?? [];
  assert.equal(count, "1");
});
