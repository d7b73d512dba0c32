import assert from "node:assert/strict";
import { test } from "node:test";
import { atRest, pass } from "../../../test/faulty-api.ts";
import { type SchedulerScene, schedulerScene } from "../../../test/scheduler-scene.ts";
import { Nodes, PodDisruptionBudgets, Pods, type ResourceRequest, serviceUnavailable } from "../../api/index.ts";
import { silentLogger } from "../../lib/index.ts";
import { makePod, type PodOptions } from "../objects-for-tests.ts";

const needs = (cpu: string) => ({ requests: { cpu } });
const key = (name: string) => ({ namespace: "default", name });

/** A full node with pods of priority 0 that take their time to end, and the room that each takes. */
async function fullNode(more: PodOptions = {}): Promise<SchedulerScene> {
  const scene = await schedulerScene();
  await scene.addNode({ name: "node", allocatable: { cpu: "4" } });
  for (const name of ["a", "b", "c", "d"]) await scene.addPod({ name, ...needs("1"), ...more });
  scene.events.length = 0;
  return scene;
}

async function going({ client }: SchedulerScene): Promise<string[]> {
  const { items } = await client.list(Pods, { namespace: "default" });
  return items.filter((pod) => pod.metadata.deletionTimestamp !== undefined).map((pod) => pod.metadata.name);
}

/** Says, as an agent does, that a pod's containers have ended. */
async function end({ client }: SchedulerScene, name: string): Promise<void> {
  await client.delete(Pods, key(name), { body: { gracePeriodSeconds: 0 } });
  await atRest();
}

test("Scheduler, Basic Preemption: a pod of lower priority makes way, and the pod of higher priority gets its place", async () => {
  const scene = await fullNode();
  await scene.addPod({ name: "urgent", ...needs("1"), priority: 100 });
  const [victim = "", ...others] = await going(scene);
  assert.deepEqual(others, []);
  const urgent = await scene.pod("urgent");
  assert.equal(urgent.status.nominatedNodeName, "node");
  const { conditions = [] } = (await scene.pod(victim)).status;
  const condition = conditions.find(({ type }) => type === "DisruptionTarget");
  assert.equal(condition?.status, "True");
  assert.equal(condition?.reason, "PreemptionByScheduler");
  assert.equal(condition?.message, "default-scheduler: preempting to accommodate a higher priority pod");
  assert.deepEqual(scene.events, [
    "urgent FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu.",
    `${victim} Preempted: Preempted by pod ${urgent.metadata.uid} on node node`,
  ]);
  await end(scene, victim);
  assert.equal((await scene.pod("urgent")).spec.nodeName, "node");
  await scene.stop();
});

test("a victim whose name is another pod's by now has gone", async () => {
  const replaced: string[] = [];
  const warnings: string[] = [];
  const replace = async ({ verb, name = "", subresource }: ResourceRequest) => {
    if (verb !== "patch" || subresource !== "status" || name === "urgent" || replaced.length > 0) return;
    replaced.push(name);
    await scene.client.delete(Pods, key(name), { body: { gracePeriodSeconds: 0 } });
    await scene.client.create(Pods, makePod({ name, ...needs("5") }));
  };
  const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const scene: SchedulerScene = await schedulerScene({ log }, undefined, replace);
  await scene.addNode({ name: "node", allocatable: { cpu: "4" } });
  await scene.addPod({ name: "a", ...needs("4") });
  await scene.addPod({ name: "urgent", ...needs("1"), priority: 100 });
  assert.deepEqual(replaced, ["a"]);
  assert.deepEqual(warnings, []);
  assert.equal((await scene.pod("a")).metadata.deletionTimestamp, undefined);
  assert.equal((await scene.pod("urgent")).spec.nodeName, "node");
  await scene.stop();
});

test("no more pods are ended while those that were asked to go take their time", async () => {
  const scene = await fullNode();
  await scene.addPod({ name: "urgent", ...needs("2"), priority: 100 });
  assert.equal((await going(scene)).length, 2);
  // Whatever happens meanwhile: another pod comes and goes, minutes pass.
  await scene.addNode({ name: "small", allocatable: { cpu: "100m" } });
  await pass(scene.clock, 20 * 60_000);
  assert.equal((await going(scene)).length, 2);
  assert.match(
    (await scene.pod("urgent")).status.conditions?.[0]?.message ?? "",
    /preemption: not eligible due to a terminating pod on the nominated node\.$/,
  );
  for (const name of await going(scene)) await end(scene, name);
  await pass(scene.clock, 20_000);
  assert.equal((await scene.pod("urgent")).spec.nodeName, "node");
  await scene.stop();
});

test("a pod whose preemptionPolicy is Never waits, and says so", async () => {
  const scene = await fullNode();
  await scene.addPod({ name: "polite", ...needs("1"), priority: 100, preemptionPolicy: "Never" });
  assert.deepEqual(await going(scene), []);
  assert.match(
    (await scene.pod("polite")).status.conditions?.[0]?.message ?? "",
    /preemption: not eligible due to preemptionPolicy=Never\.$/,
  );
  await scene.stop();
});

test("the room that was made is kept from pods of lower and of the same priority", async () => {
  const scene = await fullNode();
  await scene.addPod({ name: "urgent", ...needs("2"), priority: 100 });
  const [first = "", second = ""] = await going(scene);
  await end(scene, first);
  await scene.addPod({ name: "low", ...needs("1") });
  await scene.addPod({ name: "same", ...needs("1"), priority: 100 });
  assert.equal((await scene.pod("low")).spec.nodeName, undefined);
  // It has to make room of its own, for what is there was made for another.
  assert.equal((await scene.pod("same")).spec.nodeName, undefined);
  await end(scene, second);
  for (const name of await going(scene)) await end(scene, name);
  await pass(scene.clock, 20_000);
  assert.equal((await scene.pod("urgent")).spec.nodeName, "node");
  assert.equal((await scene.pod("same")).spec.nodeName, "node");
  assert.equal((await scene.pod("low")).spec.nodeName, undefined);
  await scene.stop();
});

test("room that is kept for a pod that goes elsewhere is there for others at once", async () => {
  const scene = await schedulerScene();
  await scene.addNode({ name: "node", allocatable: { cpu: "4" } });
  await scene.addPod({ name: "victim", ...needs("2") });
  const tolerations = [{ key: "reserved", operator: "Exists" as const }];
  await scene.addPod({ name: "urgent", ...needs("3"), priority: 100, tolerations });
  assert.deepEqual(await going(scene), ["victim"]);
  await scene.addPod({ name: "low", ...needs("2") });
  assert.equal((await scene.pod("low")).spec.nodeName, undefined);
  const taints = [{ key: "reserved", effect: "NoSchedule" }];
  await scene.addNode({ name: "other", allocatable: { cpu: "3" }, taints });
  await pass(scene.clock, 20_000);
  assert.equal((await scene.pod("urgent")).spec.nodeName, "other");
  assert.equal((await scene.pod("low")).spec.nodeName, "node");
  await scene.stop();
});

test("a pod of higher priority takes the room made for another, which looks for a place again", async () => {
  const scene = await fullNode();
  await scene.addPod({ name: "urgent", ...needs("4"), priority: 100 });
  assert.equal((await going(scene)).length, 4);
  await scene.addPod({ name: "more-urgent", ...needs("4"), priority: 1_000 });
  assert.equal((await scene.pod("more-urgent")).status.nominatedNodeName, "node");
  assert.equal((await scene.pod("urgent")).status.nominatedNodeName, undefined);
  for (const name of await going(scene)) await end(scene, name);
  await pass(scene.clock, 20_000);
  assert.equal((await scene.pod("more-urgent")).spec.nodeName, "node");
  assert.equal((await scene.pod("urgent")).spec.nodeName, undefined);
  await scene.stop();
});

test("budgets are kept as long as there is another way", async () => {
  const scene = await schedulerScene();
  await scene.addNode({ name: "x", allocatable: { cpu: "1" } });
  await scene.addPod({ name: "guarded", ...needs("1"), labels: { app: "guarded" } });
  await scene.addNode({ name: "y", allocatable: { cpu: "1" } });
  await scene.addPod({ name: "free", ...needs("1"), priority: 5 });
  await scene.client.create(PodDisruptionBudgets, {
    metadata: key("guarded"),
    spec: { minAvailable: 1, selector: { matchLabels: { app: "guarded" } } },
  });
  await atRest();
  await scene.addPod({ name: "urgent", ...needs("1"), priority: 100 });
  assert.deepEqual(await going(scene), ["free"]);
  await scene.addPod({ name: "urgent-2", ...needs("1"), priority: 100 });
  // Only so much is respected: a budget does not keep a pod from its place when there is no other.
  assert.deepEqual(await going(scene), ["free", "guarded"]);
  await scene.stop();
});

test("a nomination is given up when preemption cannot help any more", async () => {
  const scene = await fullNode();
  await scene.addPod({ name: "urgent", ...needs("1"), priority: 100 });
  const [victim = ""] = await going(scene);
  await scene.addPod({ name: "master", nodeName: "node", ...needs("4"), priority: 1_000 });
  await end(scene, victim);
  for (const name of ["a", "b", "c", "d"].filter((each) => each !== victim)) await end(scene, name);
  await pass(scene.clock, 20_000);
  assert.equal((await scene.pod("urgent")).status.nominatedNodeName, undefined);
  assert.match(
    (await scene.pod("urgent")).status.conditions?.[0]?.message ?? "",
    /preemption: 0\/1 nodes are available: 1 Insufficient cpu\.$/,
  );
  await scene.stop();
});

test("a nomination that moves to another node leaves the room of the first to others", async () => {
  const scene = await schedulerScene();
  for (const name of ["a", "b"]) await scene.addNode({ name, allocatable: { cpu: "4" } });
  const schedulingGates = [{ name: "example.com/wait" }];
  await scene.addPod({ name: "urgent", ...needs("4"), priority: 100, schedulingGates });
  const nominate = (nominatedNodeName: string) =>
    scene.client.patch(Pods, key("urgent"), { status: { nominatedNodeName } }, { subresource: "status" });
  await nominate("a");
  await scene.addPod({ name: "other", ...needs("4"), nodeSelector: { "kubernetes.io/hostname": "a" } });
  assert.deepEqual(scene.bindings, []);
  await nominate("b");
  await pass(scene.clock, 2_000);
  assert.deepEqual(scene.bindings, ["other to a"]);
  await scene.stop();
});

test("a nomination ends with its node", async () => {
  const scene = await fullNode();
  await scene.addPod({ name: "urgent", ...needs("1"), priority: 100 });
  assert.equal((await scene.pod("urgent")).status.nominatedNodeName, "node");
  await scene.client.delete(Nodes, { name: "node" });
  await pass(scene.clock, 2_000);
  const { status } = await scene.pod("urgent");
  assert.equal(status.nominatedNodeName, undefined);
  assert.equal(status.conditions?.[0]?.message, "no nodes available to schedule pods");
  await scene.stop();
});

test("a victim that cannot be ended now is ended later", async () => {
  const scene = await fullNode();
  scene.api.failure = ({ verb, plural }: ResourceRequest) =>
    verb === "delete" && plural === "pods" ? serviceUnavailable("not now") : undefined;
  await scene.addPod({ name: "urgent", ...needs("1"), priority: 100 });
  assert.deepEqual(await going(scene), []);
  scene.api.failure = () => undefined;
  await pass(scene.clock, 20_000);
  assert.equal((await going(scene)).length, 1);
  await scene.stop();
});

test("killed between any two writes of a preemption, the scheduler goes on without ending more than needed", async () => {
  // The writes are: the nomination, and of each of two victims its condition and its end.
  for (let writesDone = 0; writesDone <= 5; writesDone++) {
    const before = await fullNode();
    let writes = 0;
    before.api.failure = ({ verb, plural }: ResourceRequest) => {
      const isWrite = plural === "pods" && (verb === "patch" || verb === "delete");
      return isWrite && ++writes > writesDone ? serviceUnavailable("dead") : undefined;
    };
    // Written by somebody else, so that only the scheduler is cut off.
    await before.addPod({ name: "urgent", ...needs("2"), priority: 100 });
    await before.stop();
    before.api.failure = () => undefined;
    const after = await schedulerScene({}, before.api);
    await pass(after.clock, 60_000);
    for (let round = 0; round < 3; round++) {
      for (const name of await going(after)) await end(after, name);
      await pass(after.clock, 60_000);
    }
    assert.equal((await after.pod("urgent")).spec.nodeName, "node", `after ${writesDone} writes`);
    const { items } = await after.client.list(Pods, { namespace: "default" });
    assert.equal(items.length, 3, `after ${writesDone} writes`);
    await after.stop();
  }
});

test("Pod preemption verification: of four levels the three lower run first, and the highest takes what it needs of them", async () => {
  const scene = await schedulerScene();
  await scene.addNode({ name: "node", allocatable: { cpu: "6" } });
  for (const priority of [1, 2, 3])
    for (const index of [0, 1]) await scene.addPod({ name: `p${priority}-${index}`, ...needs("1"), priority });
  for (const priority of [1, 2, 3])
    for (const index of [0, 1]) assert.equal((await scene.pod(`p${priority}-${index}`)).spec.nodeName, "node");
  await scene.addPod({ name: "p4", ...needs("3"), priority: 4 });
  const victims = await going(scene);
  assert.equal(victims.length, 3);
  assert.deepEqual(victims.map((name) => name.split("-")[0]).sort(), ["p1", "p1", "p2"]);
  for (const name of victims) await end(scene, name);
  await pass(scene.clock, 20_000);
  assert.equal((await scene.pod("p4")).spec.nodeName, "node");
  await scene.stop();
});
