import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene, nodeName } from "../../../test/agent-scene.ts";
import { Events, Nodes, Pods } from "../../api/index.ts";

test("capacity is the machine's, allocatable what is left for pods", async () => {
  const { client } = await agentScene({
    host: { machine: { cpus: 2, memoryBytes: 4 * 2 ** 30 }, load: { diskCapacityBytes: 10 * 2 ** 30 } },
    settings: { reserved: { cpuMilli: 250, memoryBytes: 2 ** 29 }, podsMax: 20 },
  });
  const { status } = await client.get(Nodes, { name: nodeName });
  assert.equal(status.capacity?.cpu, "2");
  assert.equal(status.capacity?.memory, "4Gi");
  assert.equal(status.capacity?.pods, "20");
  assert.equal(status.allocatable?.cpu, "1750m");
  assert.equal(status.allocatable?.memory, "3484Mi");
  // A tenth, as the kubelet counts it: in a float of 32 bits.
  assert.equal(status.allocatable?.["ephemeral-storage"], "9663676400");
  assert.deepEqual(status.addresses, [
    { type: "InternalIP", address: "192.0.2.10" },
    { type: "Hostname", address: nodeName },
  ]);
  assert.equal(status.nodeInfo?.containerRuntimeVersion, "hollow://1.0.0");
  assert.deepEqual(status.images?.[0]?.names?.at(-1), "app:1");
});

test("what others advertise in the capacity can be allocated until they take it back, and is no reason to write", async () => {
  const { client, requests, pass } = await agentScene();
  const dongles = async () => {
    const { status } = await client.get(Nodes, { name: nodeName });
    return [status.capacity?.["example.com/dongle"], status.allocatable?.["example.com/dongle"]];
  };
  const advertise = (amount: string | null) => {
    const patch = { status: { capacity: { "example.com/dongle": amount } } };
    return client.patch(Nodes, { name: nodeName }, patch, { subresource: "status" });
  };
  await advertise("4");
  await pass(10_000);
  assert.deepEqual(await dongles(), ["4", "4"]);
  const count = () => requests.filter((each) => each.plural === "nodes" && each.verb === "patch").length;
  const before = count();
  await pass(60_000);
  assert.equal(count(), before);
  await advertise("3");
  await pass(10_000);
  assert.deepEqual(await dongles(), ["3", "3"]);
  await advertise(null);
  await pass(10_000);
  assert.deepEqual(await dongles(), [undefined, undefined]);
});

test("pressure on the machine and a runtime that is not ready are conditions of the node", async () => {
  const scene = await agentScene({ host: { load: { diskAvailableBytes: 1, memoryAvailableBytes: 1 } } });
  const conditions = async () => {
    const { status } = await scene.client.get(Nodes, { name: nodeName });
    return Object.fromEntries((status.conditions ?? []).map((each) => [each.type, each.reason]));
  };
  assert.deepEqual(await conditions(), {
    MemoryPressure: "KubeletHasInsufficientMemory",
    DiskPressure: "KubeletHasDiskPressure",
    PIDPressure: "KubeletHasSufficientPID",
    Ready: "KubeletReady",
  });
  const why = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:no network";
  scene.engine.notReady = async () => why;
  await scene.pass(10_000);
  const { status } = await scene.client.get(Nodes, { name: nodeName });
  const ready = status.conditions?.find((each) => each.type === "Ready");
  assert.equal(ready?.status, "False");
  assert.deepEqual([ready?.reason, ready?.message], ["KubeletNotReady", why]);
});

test("a node that is cordoned, or was started anew, tells it in its events", async () => {
  const machine = { bootId: "first" };
  const { client, pass, restart } = await agentScene({ host: { machine } });
  const cordon = async (unschedulable: boolean) => {
    await client.patch(Nodes, { name: nodeName }, { spec: { unschedulable } });
    await pass(20_000);
  };
  await cordon(true);
  await cordon(false);
  machine.bootId = "second";
  await restart();
  const { items } = await client.list(Events);
  const told = items.map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
  for (const expected of [
    `Normal NodeNotSchedulable: Node ${nodeName} status is now: NodeNotSchedulable`,
    `Normal NodeSchedulable: Node ${nodeName} status is now: NodeSchedulable`,
    `Warning Rebooted: Node ${nodeName} has been rebooted, boot id: second`,
  ])
    assert.equal(told.filter((each) => each === expected).length, 1, `${expected} in\n${told.join("\n")}`);
});

test("a node that others declared unknown says at the next look that it is ready", async () => {
  const { client, pass } = await agentScene();
  const conditions = [{ type: "Ready", status: "Unknown", reason: "NodeStatusUnknown" }];
  const type = "application/strategic-merge-patch+json";
  await client.patch(Nodes, { name: nodeName }, { status: { conditions } }, { subresource: "status", type });
  await pass(10_000);
  const { status } = await client.get(Nodes, { name: nodeName });
  assert.equal(status.conditions?.find((each) => each.type === "Ready")?.status, "True");
});

test("the status is written when it changes and every five minutes, not at every look", async () => {
  const { requests, pass } = await agentScene();
  const count = () => requests.filter((each) => each.plural === "nodes" && each.verb === "patch").length;
  const before = count();
  await pass(200_000);
  assert.equal(count(), before);
  await pass(120_000);
  assert.equal(count(), before + 1);
});

test("a node without images writes its status no more often than others", async () => {
  const { requests, pass } = await agentScene({ engine: { images: [] } });
  const count = () => requests.filter((each) => each.plural === "nodes" && each.verb === "patch").length;
  const before = count();
  await pass(200_000);
  assert.equal(count(), before);
});

test("an image that has lost its names is no reason to write the status again", async () => {
  const { client, engine, requests, pass } = await agentScene();
  engine.addImage("nameless", { tags: [], digests: [] });
  const count = () => requests.filter((each) => each.plural === "nodes" && each.verb === "patch").length;
  await pass(20_000);
  const before = count();
  const { status } = await client.get(Nodes, { name: nodeName });
  assert.ok(status.images?.some(({ names }) => names === null));
  await pass(60_000);
  assert.equal(count(), before);
});

test("while nothing happens the agent asks nothing of the API but to renew its lease", async () => {
  const { requests, run, pass } = await agentScene();
  await run({});
  await pass(1_000);
  const before = requests.length;
  await pass(60_000);
  const asked = requests.slice(before).map(({ verb, plural }) => `${verb} ${plural}`);
  assert.deepEqual([...new Set(asked)], ["update leases"]);
});

test("the agent keeps its labels on a node that was there before, and those of others", async () => {
  const { client, restart } = await agentScene();
  const labels = { "kubernetes.io/arch": null, "example.com/zone": "a" };
  await client.patch(Nodes, { name: nodeName }, { metadata: { labels } });
  await restart();
  const { metadata } = await client.get(Nodes, { name: nodeName });
  assert.equal(metadata.labels?.["kubernetes.io/arch"], "amd64");
  assert.equal(metadata.labels?.["example.com/zone"], "a");
});

test("many pods start side by side", async () => {
  const { client, run, pass } = await agentScene({ engine: { sandboxMs: 80, startMs: 40 } });
  for (let number = 0; number < 50; number++) await run({ name: `pod-${number}` });
  await pass(500);
  const { items } = await client.list(Pods);
  assert.equal(items.filter((each) => each.status.phase === "Running").length, 50);
});
