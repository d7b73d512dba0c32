import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import {
  forbidden,
  type NewObject,
  type Pod,
  Pods,
  type ReplicaSet,
  ReplicaSets,
  type ReplicationController,
  ReplicationControllers,
} from "../api/index.ts";

const controllers = ["replicaset-controller", "replication-controller", "serviceaccount-controller"];
const podSpec = { containers: [{ name: "web", image: "web:1" }] };
const template = (labels: Record<string, string> = { app: "web" }) => ({ metadata: { labels }, spec: podSpec });
const web = (replicas: number, more: object = {}): NewObject<ReplicaSet> => ({
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: { name: "web", namespace: "default" },
  spec: { replicas, selector: { matchLabels: { app: "web" } }, template: template(), ...more },
});
const orphan = (name: string, labels: Record<string, string> = { app: "web" }): NewObject<Pod> => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default", labels },
  spec: podSpec,
});
const key = { namespace: "default", name: "web" };
const names = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata.name);

test("a ReplicaSet gets its pods, replaces those that go and removes those that are too many", async (t) => {
  const { client, create, list, rest, startPods, events } = await startTestControlPlane(t, { controllers });
  await create(ReplicaSets, web(3));
  await rest();
  const pods = await list(Pods, "default");
  assert.equal(pods.length, 3);
  for (const { metadata, spec } of pods) {
    assert.match(metadata.name, /^web-[a-z0-9]{5}$/);
    assert.equal(metadata.ownerReferences?.[0]?.name, "web");
    assert.equal(metadata.ownerReferences?.[0]?.controller, true);
    assert.equal(spec.containers[0]?.image, "web:1");
  }
  await startPods();
  await rest();
  const { status } = await client.get(ReplicaSets, key);
  assert.deepEqual([status.replicas, status.readyReplicas, status.availableReplicas], [3, 3, 3]);
  await client.delete(Pods, pods[0]!.metadata, { body: { gracePeriodSeconds: 0 } });
  await rest();
  assert.equal((await list(Pods, "default")).length, 3);
  await client.patch(ReplicaSets, key, { spec: { replicas: 1 } });
  await rest();
  assert.equal((await list(Pods, "default")).filter((pod) => !pod.metadata.deletionTimestamp).length, 1);
  const said = await events("ReplicaSet");
  assert.equal(said.filter((each) => each.startsWith("Normal SuccessfulCreate Created pod: web-")).length, 4);
  assert.equal(said.filter((each) => each.startsWith("Normal SuccessfulDelete Deleted pod: web-")).length, 2);
});

test("pods that have ended are replaced, and pods that are ending are counted as such", async (t) => {
  const { client, create, list, rest, startPods } = await startTestControlPlane(t, { controllers });
  await create(ReplicaSets, web(2));
  await rest();
  await startPods();
  const [first, second] = await list(Pods, "default");
  await client.update(Pods, { ...first!, status: { ...first!.status, phase: "Failed" } }, { subresource: "status" });
  await client.patch(Pods, second!.metadata, { metadata: { finalizers: ["test/hold"] } });
  await client.delete(Pods, second!.metadata, { body: { gracePeriodSeconds: 0 } });
  await rest();
  assert.equal((await list(Pods, "default")).length, 4);
  const { status } = await client.get(ReplicaSets, key);
  assert.equal(status.replicas, 2);
  assert.equal(status.terminatingReplicas, 1);
});

test("Replica Set, adopt matching pods and release non matching pods: orphans that match are adopted, pods that match no more are let go", async (t) => {
  const { client, create, list, rest } = await startTestControlPlane(t, { controllers });
  await rest();
  await create(Pods, orphan("alone"));
  await create(Pods, orphan("stranger", { app: "other" }));
  const set = await create(ReplicaSets, web(2));
  await rest();
  const adopted = await client.get(Pods, { namespace: "default", name: "alone" });
  assert.deepEqual(adopted.metadata.ownerReferences, [
    {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      name: "web",
      uid: set.metadata.uid,
      controller: true,
      blockOwnerDeletion: true,
    },
  ]);
  assert.equal((await list(Pods, "default")).length, 3);
  await client.patch(Pods, { namespace: "default", name: "alone" }, { metadata: { labels: { app: "debug" } } });
  await rest();
  const released = await client.get(Pods, { namespace: "default", name: "alone" });
  assert.deepEqual(released.metadata.ownerReferences ?? [], []);
  assert.equal((await list(Pods, "default")).length, 4);
});

test("an orphan that comes later is adopted and one pod too many goes", async (t) => {
  const { create, list, rest } = await startTestControlPlane(t, { controllers });
  await create(ReplicaSets, web(2));
  await rest();
  await create(Pods, orphan("late"));
  await rest();
  assert.equal((await list(Pods, "default")).length, 2);
});

test("a pod is available only after minReadySeconds", async (t) => {
  const { client, create, rest, startPods } = await startTestControlPlane(t, { controllers });
  await create(ReplicaSets, web(1, { minReadySeconds: 10 }));
  await rest();
  await startPods();
  await rest(5_000);
  assert.equal((await client.get(ReplicaSets, key)).status.readyReplicas, 1);
  assert.equal((await client.get(ReplicaSets, key)).status.availableReplicas ?? 0, 0);
  await rest(6_000);
  assert.equal((await client.get(ReplicaSets, key)).status.availableReplicas, 1);
});

test("pods that are refused are reported, tried in small numbers, and made when they can be", async (t) => {
  const { client, create, list, rest, events, refuse, requests } = await startTestControlPlane(t, { controllers });
  await rest();
  const why = "exceeded quota: pods";
  refuse(({ verb, plural }) => (verb === "create" && plural === "pods" ? forbidden(Pods, "web-x", why) : undefined));
  await create(ReplicaSets, web(100));
  await rest(4);
  const { status } = await client.get(ReplicaSets, key);
  const [condition] = status.conditions ?? [];
  assert.equal(condition?.type, "ReplicaFailure");
  assert.equal(condition.status, "True");
  assert.equal(condition.reason, "FailedCreate");
  assert.equal(condition.message, 'pods "web-x" is forbidden: exceeded quota: pods');
  const said = await events("ReplicaSet");
  assert.equal(said.length, 1);
  assert.match(said[0]!, /^Warning FailedCreate Error creating: pods "web-x" is forbidden: exceeded quota: pods/);
  assert.ok(requests().filter((each) => each === "create pods").length < 5);
  refuse(() => undefined);
  await rest(10_000);
  assert.equal((await list(Pods, "default")).length, 100);
  assert.deepEqual((await client.get(ReplicaSets, key)).status.conditions ?? [], []);
});

test("pods that cannot be deleted are reported", async (t) => {
  const { client, create, list, rest, events, refuse } = await startTestControlPlane(t, { controllers });
  await rest();
  await create(ReplicaSets, web(2));
  await rest();
  refuse(({ verb, plural }) => (verb === "delete" && plural === "pods" ? forbidden(Pods, "web-x", "held") : undefined));
  await client.patch(ReplicaSets, key, { spec: { replicas: 1 } });
  await rest(4);
  const [condition] = (await client.get(ReplicaSets, key)).status.conditions ?? [];
  assert.deepEqual(
    [condition?.reason, condition?.message],
    ["FailedDelete", 'unable to delete pods: pods "web-x" is forbidden: held'],
  );
  assert.ok((await events("ReplicaSet")).some((each) => each.startsWith("Warning FailedDelete Error deleting: pods")));
  refuse(() => undefined);
  await rest(10_000);
  assert.equal((await list(Pods, "default")).length, 1);
});

test("a ReplicaSet that is being deleted makes no pods", async (t) => {
  const { client, create, list, rest } = await startTestControlPlane(t, { controllers });
  await rest();
  await create(ReplicaSets, { ...web(0), metadata: { ...key, finalizers: ["test/hold"] } });
  await client.delete(ReplicaSets, key);
  await client.patch(ReplicaSets, key, { spec: { replicas: 1 } });
  await rest();
  const { metadata, status } = await client.get(ReplicaSets, key);
  assert.equal(status.observedGeneration, metadata.generation);
  assert.deepEqual(names(await list(Pods, "default")), []);
});

test("at rest a ReplicaSet causes no requests", async (t) => {
  const { create, rest, startPods, requests } = await startTestControlPlane(t, { controllers });
  await create(ReplicaSets, web(3));
  await rest();
  await startPods();
  await rest(1_000);
  const before = requests().length;
  await rest(24 * 3_600_000);
  assert.deepEqual(requests().slice(before), []);
});

test("Replication Controller, lifecycle: a ReplicationController does the same", async (t) => {
  const { client, create, list, rest, startPods, events } = await startTestControlPlane(t, { controllers });
  await rest();
  await create(Pods, orphan("alone"));
  const controller: NewObject<ReplicationController> = {
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name: "web", namespace: "default" },
    spec: { replicas: 3, selector: { app: "web" }, template: template() },
  };
  await create(ReplicationControllers, controller);
  await rest();
  await startPods();
  await rest();
  const pods = await list(Pods, "default");
  assert.equal(pods.length, 3);
  assert.ok(pods.every(({ metadata }) => metadata.ownerReferences?.[0]?.kind === "ReplicationController"));
  const { status } = await client.get(ReplicationControllers, key);
  assert.deepEqual([status.replicas, status.readyReplicas, status.availableReplicas], [3, 3, 3]);
  assert.equal((await events("ReplicationController")).length, 2);
});
