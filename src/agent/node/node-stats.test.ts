import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../lib/index.ts";
import { type ContainerConfig, HollowEngine, type SandboxConfig } from "../engine/index.ts";
import { HollowHost } from "../hollow-host.ts";
import { readNodeStats, resourceMetricsText } from "./node-stats.ts";

async function scene() {
  const clock = new VirtualClock();
  const engine = new HollowEngine({ clock, images: ["i"], script: () => ({ cpuMilli: 250, memoryBytes: 1_000 }) });
  const sandboxConfig = { name: "web", uid: "u1", namespace: "default", labels: {} } as unknown as SandboxConfig; // all that is looked at
  const sandbox = await engine.runSandbox(sandboxConfig);
  const start = async (name: string, labels: Record<string, string>) => {
    const config = { name, image: "i", labels, annotations: {} } as unknown as ContainerConfig; // all that is looked at
    const id = await engine.createContainer(sandbox, config, sandboxConfig);
    await engine.startContainer(id);
    return id;
  };
  const labelsOf = (container: string) => ({
    "io.kubernetes.pod.name": "web",
    "io.kubernetes.pod.namespace": "default",
    "io.kubernetes.pod.uid": "u1",
    "io.kubernetes.container.name": container,
  });
  await start("main", labelsOf("main"));
  const side = await start("side", labelsOf("side"));
  await start("foreign", {});
  const stats = () => readNodeStats({ engine, host: new HollowHost({ clock }), clock, nodeName: "n1" });
  return { clock, engine, side, stats };
}

test("the summary says what each running container of a pod has used", async () => {
  const { clock, engine, side, stats } = await scene();
  await clock.advance(2_500);
  const { node, pods } = await stats();
  assert.deepEqual(
    pods.map(({ podRef }) => podRef),
    [{ name: "web", namespace: "default", uid: "u1" }],
  );
  const told = pods[0]?.containers.map(({ name, cpu, memory }) => [
    name,
    cpu.usageCoreNanoSeconds,
    memory.workingSetBytes,
  ]);
  assert.deepEqual(told, [
    ["main", 625_000_000, 1_000],
    ["side", 625_000_000, 1_000],
  ]);
  assert.match(node.cpu.time, /\.500Z$/);
  assert.deepEqual([node.cpu.usageCoreNanoSeconds, node.memory.workingSetBytes], [1_250_000_000, 2_000]);
  engine.exit(side, 0);
  assert.deepEqual(
    (await stats()).pods[0]?.containers.map(({ name }) => name),
    ["main"],
  );
});

test("the same is told to Prometheus", async () => {
  const { clock, stats } = await scene();
  await clock.advance(2_000);
  const text = resourceMetricsText(await stats());
  const atMs = clock.now();
  for (const line of [
    "# TYPE container_cpu_usage_seconds_total counter",
    `container_cpu_usage_seconds_total{container="main",namespace="default",pod="web"} 0.5 ${atMs}`,
    `pod_memory_working_set_bytes{namespace="default",pod="web"} 2000 ${atMs}`,
    `node_cpu_usage_seconds_total 1 ${atMs}`,
  ])
    assert.ok(text.split("\n").includes(line), `${line} in\n${text}`);
});
