import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene, nodeName, type SceneOptions } from "../../../test/agent-scene.ts";
import { Events, Nodes, type Pod } from "../../api/index.ts";
import { MetricRegistry } from "../../lib/index.ts";
import type { ContainerConfig, HollowEngine } from "../engine/index.ts";
import { evictionNotice, evictionOrder, type PodUse } from "./eviction-order.ts";
import { evictionHardDefaults, NodePressure, type StarvedResource, thresholdValue } from "./node-pressure.ts";

const MiB = 2 ** 20;
const GiB = 2 ** 30;
const plenty = {
  memoryAvailableBytes: 4 * GiB,
  diskCapacityBytes: 100 * GiB,
  diskAvailableBytes: 50 * GiB,
  inodes: 1_000_000,
  inodesAvailable: 900_000,
  pidsMax: 32_768,
  pids: 100,
};

test("percentages are counted as the kubelet does, in floats of 32 bits", () => {
  // What a node with a disk of 83873772Ki of another provider says it can allocate comes from this.
  assert.equal(thresholdValue("10%", 83_873_772 * 1_024), 8_588_674_380);
  assert.equal(thresholdValue("100Mi", 1), 100 * MiB);
});

test("the node is under pressure when a threshold is met, and for five minutes after", () => {
  const pressure = new NodePressure({
    thresholds: evictionHardDefaults,
    transitionMs: 300_000,
    memoryBytes: 8 * GiB,
  });
  assert.deepEqual(pressure.observe(plenty, 0), []);
  assert.deepEqual(pressure.conditions(0), []);
  const met = pressure.observe({ ...plenty, memoryAvailableBytes: 99 * MiB, diskAvailableBytes: 12 * GiB }, 1_000);
  assert.deepEqual(met, [
    { signal: "memory.available", resource: "memory", quantity: "100Mi", available: "99Mi" },
    { signal: "imagefs.available", resource: "ephemeral-storage", quantity: "16106128000", available: "12Gi" },
  ]);
  assert.deepEqual(pressure.conditions(1_000), ["MemoryPressure", "DiskPressure"]);
  assert.deepEqual(pressure.observe(plenty, 2_000), []);
  assert.deepEqual(pressure.conditions(300_999), ["MemoryPressure", "DiskPressure"]);
  assert.deepEqual(pressure.conditions(301_000), []);
  const [inodes] = pressure.observe({ ...plenty, inodesAvailable: 40_000 }, 400_000);
  assert.deepEqual(inodes, { signal: "nodefs.inodesFree", resource: "inodes", quantity: "50000", available: "40k" });
  // What the machine does not count is not missed.
  assert.deepEqual(pressure.observe({ ...plenty, inodes: 0, inodesAvailable: 0 }, 500_000), []);
});

const candidate = (
  name: string,
  priority: number,
  requests: Record<string, string>,
  use: Partial<PodUse> | undefined,
) => ({
  // What decides is all that is looked at.
  pod: {
    metadata: { name },
    spec: { priority, containers: [{ name: "app", resources: { requests } }] },
  } as unknown as Pod,
  use: use && { memoryBytes: 0, diskBytes: 0, inodes: 0, containers: [], ...use },
});

test("pods above their requests go first, then those of lower priority, then those that are furthest above", () => {
  const order = (resource: StarvedResource, pods: ReturnType<typeof candidate>[]) =>
    evictionOrder(resource, pods).map(({ pod }) => pod.metadata.name);
  const memory = (bytes: number) => ({ memoryBytes: bytes });
  assert.deepEqual(
    order("memory", [
      candidate("below-high", 100, { memory: "200Mi" }, memory(100 * MiB)),
      candidate("below-low", 1, { memory: "200Mi" }, memory(100 * MiB)),
      candidate("above-high", 100, { memory: "100Mi" }, memory(900 * MiB)),
      candidate("above-little", 1, { memory: "100Mi" }, memory(200 * MiB)),
      candidate("above-much", 1, {}, memory(300 * MiB)),
      candidate("not-running", 100, {}, undefined),
    ]),
    ["not-running", "above-much", "above-little", "above-high", "below-low", "below-high"],
  );
  const disk = { "ephemeral-storage": "10Mi" };
  assert.deepEqual(
    order("ephemeral-storage", [
      candidate("within", 0, disk, { diskBytes: 5 * MiB }),
      candidate("above", 9, disk, { diskBytes: 15 * MiB }),
    ]),
    ["above", "within"],
  );
  assert.deepEqual(
    order("inodes", [candidate("few", 0, disk, { inodes: 5 }), candidate("many", 0, {}, { inodes: 9 })]),
    ["many", "few"],
  );
  assert.deepEqual(order("pids", [candidate("high", 9, {}, {}), candidate("low", 1, {}, undefined)]), ["low", "high"]);
});

test("an eviction says what the node lacks and which containers use more than they asked for", () => {
  const threshold = { signal: "memory.available", resource: "memory", quantity: "100Mi", available: "50Mi" } as const;
  const use = {
    memoryBytes: 0,
    containers: [{ name: "app", memoryBytes: 300 * MiB, diskBytes: 0 }],
  };
  const low = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. ";
  assert.deepEqual(evictionNotice(threshold, candidate("web", 0, { memory: "100Mi" }, use)), {
    message: `${low}Container app was using 300Mi, request is 100Mi, has larger consumption of memory. `,
    annotations: {
      offending_containers: "app",
      offending_containers_usage: "300Mi",
      starved_resource: "memory",
    },
  });
  assert.equal(
    evictionNotice(threshold, candidate("web", 0, {}, use)).message,
    `${low}Container app was using 300Mi, request is 0, has larger consumption of memory. `,
  );
  assert.deepEqual(evictionNotice(threshold, candidate("web", 0, { memory: "1Gi" }, use)), {
    message: low,
    annotations: { offending_containers: "", offending_containers_usage: "", starved_resource: "memory" },
  });
  assert.deepEqual(evictionNotice(threshold, candidate("web", 0, {}, undefined)), { message: low, annotations: {} });
});

const using = (memoryBytes: Readonly<Record<string, number>>) => ({
  script: ({ name }: ContainerConfig) => ({ memoryBytes: memoryBytes[name] ?? 0 }),
});
async function lowScene(options: SceneOptions) {
  const metrics = new MetricRegistry();
  return { ...(await agentScene({ ...options, metrics })), metrics };
}
async function onceStopped(engine: HollowEngine, then: () => void): Promise<void> {
  const listening = new AbortController();
  for await (const { type } of engine.events(listening.signal)) {
    if (type !== "stopped") continue;
    listening.abort();
    then();
  }
}
const containers = (name: string, memory?: string) => [
  { name, image: "app:1", ...(memory ? { resources: { requests: { memory } } } : {}) },
];

test("a node that is short of memory ends one pod after the other until there is enough, and no critical one", async () => {
  const load = { ...plenty };
  const { run, pod, pass, client, engine, metrics } = await lowScene({
    host: { load },
    engine: using({ greedy: 500 * MiB, modest: 20 * MiB, critical: 900 * MiB }),
  });
  await run({ name: "critical", priorityClassName: "system-cluster-critical", containers: containers("critical") });
  await run({ name: "modest", containers: containers("modest", "100Mi") });
  await run({ name: "greedy", containers: containers("greedy", "100Mi") });
  load.memoryAvailableBytes = 60 * MiB;
  void onceStopped(engine, () => {
    load.memoryAvailableBytes = 4 * GiB;
  });
  await pass(10_000);
  const { status } = await pod("greedy");
  const message =
    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi. " +
    "Container greedy was using 500Mi, request is 100Mi, has larger consumption of memory. ";
  assert.deepEqual([status.phase, status.reason, status.message], ["Failed", "Evicted", message]);
  const disruption = status.conditions?.find(({ type }) => type === "DisruptionTarget");
  assert.deepEqual(
    [disruption?.status, disruption?.reason, disruption?.message],
    ["True", "TerminationByKubelet", message],
  );
  assert.equal((await pod("modest")).status.phase, "Running");
  assert.equal((await pod("critical")).status.phase, "Running");
  const { items } = await client.list(Events);
  const told = items.find(({ reason }) => reason === "Evicted");
  assert.deepEqual(told?.metadata.annotations, {
    offending_containers: "greedy",
    offending_containers_usage: "500Mi",
    starved_resource: "memory",
  });
  const about = items.find(({ reason }) => reason === "EvictionThresholdMet");
  assert.deepEqual(
    [about?.type, about?.involvedObject.kind, about?.involvedObject.name, about?.message],
    ["Warning", "Node", nodeName, "Attempting to reclaim memory"],
  );
  const condition = async () => {
    const node = await client.get(Nodes, { name: nodeName });
    return node.status.conditions?.find(({ type }) => type === "MemoryPressure")?.status;
  };
  assert.equal(await condition(), "True");
  // Memory is there again, and the node is left in peace for a while.
  await pass(200_000);
  assert.equal(await condition(), "True");
  await pass(120_000);
  assert.equal(await condition(), "False");
  assert.match(metrics.text(), /^kubelet_evictions\{eviction_signal="memory.available"\} 1$/m);
});

test("pods go on by one until the node has enough", async () => {
  const load = { ...plenty, memoryAvailableBytes: 60 * MiB };
  const { run, pod, pass } = await agentScene({ host: { load }, engine: using({ a: 3 * MiB, b: 2 * MiB, c: MiB }) });
  for (const name of ["a", "b", "c"])
    await run({ name, containers: [{ ...containers(name)[0]!, resources: { requests: { cpu: "1m" } } }] });
  await pass(10_000);
  const phases = await Promise.all(["a", "b", "c"].map(async (name) => (await pod(name)).status.phase));
  assert.deepEqual(phases, ["Failed", "Failed", "Failed"]);
});

test("a full disk costs unused images and dead containers before it costs a pod", async () => {
  const load = { ...plenty };
  const { clock, run, pod, pass, engine } = await agentScene({
    host: { load },
    engine: { images: ["app:1", "unused:1"], script: ({ name }) => (name === "short" ? { exitAfterMs: 1_000 } : {}) },
  });
  const removeImage = engine.removeImage.bind(engine);
  engine.removeImage = async (image) => {
    await removeImage(image);
    load.diskAvailableBytes = 50 * GiB;
  };
  await run({ name: "ended", restartPolicy: "Never", containers: containers("short") });
  await run({ name: "long", containers: containers("long") });
  // An image that just came may be for a container that is about to.
  await pass(130_000);
  // However the clock is set meanwhile.
  clock.leap(-86_400_000);
  assert.equal((await pod("ended")).status.phase, "Succeeded");
  load.diskAvailableBytes = 12 * GiB;
  await pass(10_000);
  assert.deepEqual(
    (await engine.listImages()).map(({ tags }) => tags[0]),
    ["app:1"],
  );
  assert.deepEqual(
    (await engine.listContainers()).map(({ name }) => name),
    ["long"],
  );
  assert.equal((await pod("long")).status.phase, "Running");
  const { status } = await pod("ended");
  assert.deepEqual(
    [status.phase, status.containerStatuses?.[0]?.state?.terminated?.reason],
    ["Succeeded", "Completed"],
  );
});

test("a full disk on which nothing can be removed costs a pod", async () => {
  const load = { ...plenty };
  const { run, pod, pass, engine } = await agentScene({
    host: { load },
    engine: { images: ["app:1", "unused:1", "unused:2"] },
  });
  const tried: string[] = [];
  engine.removeImage = async (image) => {
    tried.push(image);
    throw new Error("no space left on device");
  };
  await run({ name: "large", containers: containers("app") });
  await pass(130_000);
  load.diskAvailableBytes = 12 * GiB;
  await pass(10_000);
  assert.equal(new Set(tried).size, 2);
  assert.equal((await pod("large")).status.reason, "Evicted");
});

test("a node under pressure takes no pod that would add to it", async () => {
  const load = { ...plenty, memoryAvailableBytes: MiB };
  const { clock, run, pass } = await agentScene({ host: { load } });
  await pass(10_000);
  load.memoryAvailableBytes = 4 * GiB;
  const asks = { requests: { memory: "1Mi" } };
  const { status } = await run({ name: "best-effort", containers: containers("app") });
  assert.deepEqual(
    [status.phase, status.reason, status.message],
    ["Failed", "Evicted", "Pod was rejected: The node had condition: [MemoryPressure]. "],
  );
  const phaseOf = async (spec: Parameters<typeof run>[0]) => (await run(spec)).status.phase;
  const toleration = { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" };
  assert.equal(await phaseOf({ name: "tolerant", tolerations: [toleration] }), "Running");
  assert.equal(
    await phaseOf({ name: "burstable", containers: [{ name: "app", image: "app:1", resources: asks }] }),
    "Running",
  );
  load.diskAvailableBytes = GiB;
  await pass(10_000);
  load.diskAvailableBytes = 50 * GiB;
  const both = await run({ name: "both", containers: [{ name: "app", image: "app:1", resources: asks }] });
  assert.equal(both.status.message, "Pod was rejected: The node had condition: [MemoryPressure DiskPressure]. ");
  assert.equal(await phaseOf({ name: "critical", priorityClassName: "system-cluster-critical" }), "Running");
  // Five minutes are five minutes, wherever the clock is set meanwhile.
  clock.leap(-86_400_000);
  await pass(310_000);
  assert.equal(await phaseOf({ name: "later" }), "Running");
});
