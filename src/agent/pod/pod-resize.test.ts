import assert from "node:assert/strict";
import { test } from "node:test";
import { type AgentScene, agentScene } from "../../../test/agent-scene.ts";
import { type Container, type Pod, Pods, podCondition } from "../../api/index.ts";

const key = { namespace: "default", name: "web" };
const sized = (cpu: string, memory: string, more: Partial<Container> = {}): Container => ({
  name: "app",
  image: "app:1",
  resources: { requests: { cpu, memory }, limits: { cpu, memory } },
  ...more,
});

/** Asks for other resources of container `app`, and lets everything happen that needs no time. */
async function resize({ client, pass, pod }: AgentScene, cpu: string, memory: string): Promise<Pod> {
  const resources = { requests: { cpu, memory }, limits: { cpu, memory } };
  await client.patch(Pods, key, { spec: { containers: [{ name: "app", resources }] } }, { subresource: "resize" });
  await pass();
  return pod();
}

const idOf = (pod: Pod) => pod.status.containerStatuses?.[0]?.containerID?.replace(/^.*:\/\//, "") ?? "";
const podLimits = ({ host }: AgentScene, pod: Pod) => host.limits.get(`/roder/kubepods/pod${pod.metadata.uid}`);

/** What is told of resizes, without what else happened. */
const resizeEventsOf = async (scene: AgentScene) =>
  (await scene.events()).filter((event) => event.startsWith("Resize"));

test("CPU and memory of a running container change in place", async () => {
  const scene = await agentScene();
  const before = await scene.run({ containers: [sized("500m", "64Mi")] });
  assert.equal(scene.engine.resourcesOf(idOf(before)).cpuQuota, 50_000);
  const after = await resize(scene, "1", "128Mi");
  const [status] = after.status.containerStatuses ?? [];
  assert.equal(idOf(after), idOf(before));
  assert.equal(status?.restartCount, 0);
  assert.deepEqual(scene.engine.resourcesOf(idOf(after)).cpuQuota, 100_000);
  assert.deepEqual(scene.engine.resourcesOf(idOf(after)).memoryLimitBytes, 128 * 1024 * 1024);
  assert.deepEqual(podLimits(scene, after), {
    cpuShares: 1024,
    cpuQuota: 100_000,
    memoryLimitBytes: 128 * 1024 * 1024,
  });
  assert.deepEqual(status?.allocatedResources, { cpu: "1", memory: "128Mi" });
  assert.deepEqual(status?.resources, {
    requests: { cpu: "1", memory: "128Mi" },
    limits: { cpu: "1", memory: "128Mi" },
  });
  assert.equal(podCondition(after, "PodResizeInProgress"), undefined);
  assert.equal(podCondition(after, "PodResizePending"), undefined);
  const size = '{"limits":{"cpu":"1","memory":"128Mi"},"requests":{"cpu":"1","memory":"128Mi"}}';
  const summary = `{"containers":[{"name":"app","resources":${size}}],"generation":2}`;
  assert.deepEqual(await resizeEventsOf(scene), [
    `ResizeStarted: Pod resize started: ${summary}`,
    `ResizeCompleted: Pod resize completed: ${summary}`,
  ]);
  const smaller = await resize(scene, "250m", "64Mi");
  assert.equal(scene.engine.resourcesOf(idOf(smaller)).cpuQuota, 25_000);
  assert.equal(podLimits(scene, smaller)?.cpuQuota, 25_000);
});

test("a container whose policy says so is restarted for its new resources", async () => {
  const scene = await agentScene();
  const resizePolicy = [
    { resourceName: "cpu", restartPolicy: "NotRequired" },
    { resourceName: "memory", restartPolicy: "RestartContainer" },
  ];
  const before = await scene.run({ containers: [sized("500m", "64Mi", { resizePolicy })] });
  const faster = await resize(scene, "1", "64Mi");
  assert.equal(idOf(faster), idOf(before));
  await resize(scene, "1", "128Mi");
  await scene.pass(60_000);
  const larger = await scene.pod();
  assert.notEqual(idOf(larger), idOf(before));
  assert.equal(larger.status.containerStatuses?.[0]?.restartCount, 1);
  assert.equal(scene.engine.resourcesOf(idOf(larger)).memoryLimitBytes, 128 * 1024 * 1024);
  assert.equal(podLimits(scene, larger)?.memoryLimitBytes, 128 * 1024 * 1024);
  assert.match((await scene.events()).join("\n"), /Killing: Container app resize requires restart/);
  assert.equal(podCondition(larger, "PodResizeInProgress"), undefined);
});

test("a pod that wants more than the node has stays as it is and says so", async () => {
  const scene = await agentScene();
  await scene.run({ containers: [sized("500m", "64Mi")] });
  const pod = await resize(scene, "100", "64Mi");
  const pending = podCondition(pod, "PodResizePending");
  assert.deepEqual(
    [pending?.status, pending?.reason, pending?.message],
    ["True", "Infeasible", "Node didn't have enough capacity: cpu, requested: 100000, capacity: 4000"],
  );
  assert.deepEqual(pod.status.containerStatuses?.[0]?.allocatedResources, { cpu: "500m", memory: "64Mi" });
  assert.equal(scene.engine.resourcesOf(idOf(pod)).cpuQuota, 50_000);
  await scene.restart();
  assert.equal(podCondition(await scene.pod(), "PodResizePending")?.reason, "Infeasible");
  const size = '{"limits":{"cpu":"100","memory":"64Mi"},"requests":{"cpu":"100","memory":"64Mi"}}';
  assert.deepEqual(await resizeEventsOf(scene), [
    `ResizeInfeasible: Pod resize Infeasible: {"containers":[{"name":"app","resources":${size}}],"generation":2,"error":"${pending?.message}"}`,
  ]);
  const less = await resize(scene, "1", "64Mi");
  assert.equal(podCondition(less, "PodResizePending"), undefined);
  assert.equal(scene.engine.resourcesOf(idOf(less)).cpuQuota, 100_000);
});

test("a pod that wants what others have waits until they go", async () => {
  const scene = await agentScene();
  await scene.run({ name: "other", containers: [sized("3", "64Mi")] });
  await scene.run({ containers: [sized("500m", "64Mi")] });
  const waits = await resize(scene, "2", "64Mi");
  const pending = podCondition(waits, "PodResizePending");
  assert.equal(pending?.reason, "Deferred");
  assert.equal(pending?.message, "Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000");
  await scene.client.delete(Pods, { namespace: "default", name: "other" }, { body: { gracePeriodSeconds: 0 } });
  await scene.pass(31_000);
  const has = await scene.pod();
  assert.equal(podCondition(has, "PodResizePending"), undefined);
  assert.equal(scene.engine.resourcesOf(idOf(has)).cpuQuota, 200_000);
});

test("a container keeps its memory as long as it uses more than it is to have", async () => {
  const scene = await agentScene({ engine: { script: () => ({ memoryBytes: 100 * 1024 * 1024 }) } });
  const before = await scene.run({ containers: [sized("500m", "128Mi")] });
  const pod = await resize(scene, "500m", "64Mi");
  const { reason, message } = podCondition(pod, "PodResizeInProgress") ?? {};
  const expected = 'attempting to set container "app" memory limit (67108864) below current usage (104857600)';
  assert.deepEqual([reason, message], ["Error", expected]);
  assert.equal(scene.engine.resourcesOf(idOf(before)).memoryLimitBytes, 128 * 1024 * 1024);
  const larger = await resize(scene, "500m", "112Mi");
  await scene.pass(1_000);
  assert.equal(scene.engine.resourcesOf(idOf(larger)).memoryLimitBytes, 112 * 1024 * 1024);
});

test("a resize that the engine refuses is in progress, says why and is tried again", async () => {
  let refusal: Error | undefined = new Error("device or resource busy");
  const scene = await agentScene({ engine: { update: () => refusal } });
  await scene.run({ containers: [sized("500m", "128Mi")] });
  const stuck = await resize(scene, "500m", "64Mi");
  const { status, reason, message } = podCondition(stuck, "PodResizeInProgress") ?? {};
  assert.deepEqual([status, reason, message], ["True", "Error", "device or resource busy"]);
  assert.deepEqual(stuck.status.containerStatuses?.[0]?.resources?.limits, { cpu: "500m", memory: "128Mi" });
  refusal = undefined;
  await scene.pass(1_000);
  const done = await scene.pod();
  assert.equal(podCondition(done, "PodResizeInProgress"), undefined);
  assert.equal(scene.engine.resourcesOf(idOf(done)).memoryLimitBytes, 64 * 1024 * 1024);
});
