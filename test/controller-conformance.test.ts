// What conformance asks of garbage collection, of replication controllers and of quotas on their pods, where a clock that
// the test moves stands for waiting.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  type Deployment,
  Deployments,
  Namespaces,
  type NewObject,
  type OwnerReference,
  type Pod,
  Pods,
  ReplicaSets,
  type ReplicationController,
  ReplicationControllers,
  ResourceQuotas,
} from "../src/api/index.ts";
import { startTestControlPlane } from "./control-plane.ts";

const spec = { terminationGracePeriodSeconds: 0, containers: [{ name: "c", image: "i" }] };
const pod = (name: string, labels: Record<string, string> = {}): NewObject<Pod> => ({
  metadata: { name, namespace: "default", labels },
  spec,
});
const controller = (name: string, replicas: number): NewObject<ReplicationController> => ({
  metadata: { name, namespace: "default" },
  spec: { replicas, selector: { name }, template: { metadata: { labels: { name } }, spec } },
});

async function scene(t: TestContext) {
  const plane = await startTestControlPlane(t);
  await plane.rest();
  return {
    ...plane,
    pods: () => plane.list(Pods, "default"),
    /** Creates a replication controller and waits for its pods. */
    async replicate(name: string, replicas: number): Promise<ReplicationController> {
      await plane.create(ReplicationControllers, controller(name, replicas));
      await plane.rest(1_000);
      const created = await plane.client.get(ReplicationControllers, { namespace: "default", name });
      assert.equal(created.status.replicas, replicas);
      return created;
    },
    remove: (name: string, propagationPolicy: "Background" | "Foreground" | "Orphan") =>
      plane.client.delete(ReplicationControllers, { namespace: "default", name }, { body: { propagationPolicy } }),
    isGone: (name: string) =>
      assert.rejects(plane.client.get(ReplicationControllers, { namespace: "default", name }), { code: 404 }),
  };
}

const ownedBy = ({ metadata }: ReplicationController): OwnerReference => ({
  apiVersion: "v1",
  kind: "ReplicationController",
  name: metadata.name,
  uid: metadata.uid,
});

test("Garbage Collector, delete deployment, propagation policy background: its replica set and pods go too", async (t) => {
  const { client, create, list, rest, pods } = await scene(t);
  const deployment: NewObject<Deployment> = {
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec },
    },
  };
  await create(Deployments, deployment);
  await rest(1_000);
  assert.equal((await list(ReplicaSets, "default")).length, 1);
  assert.equal((await pods()).length, 2);
  await client.delete(
    Deployments,
    { namespace: "default", name: "web" },
    { body: { propagationPolicy: "Background" } },
  );
  await rest(1_000);
  assert.deepEqual(await list(Deployments, "default"), []);
  assert.deepEqual(await list(ReplicaSets, "default"), []);
  assert.deepEqual(await pods(), []);
});

test("Garbage Collector, delete replication controller, after owned pods: in the foreground its pods go first", async (t) => {
  const { client, rest, pods, replicate, remove, isGone } = await scene(t);
  await replicate("web", 10);
  const held = (await pods())[0];
  assert.ok(held);
  await client.patch(Pods, held.metadata, { metadata: { finalizers: ["example.com/hold"] } });
  await remove("web", "Foreground");
  await rest(1_000);
  assert.deepEqual(
    (await pods()).map(({ metadata }) => metadata.name),
    [held.metadata.name],
  );
  const waiting = await client.get(ReplicationControllers, { namespace: "default", name: "web" });
  assert.deepEqual(waiting.metadata.finalizers, ["foregroundDeletion"]);
  await client.patch(Pods, held.metadata, { metadata: { finalizers: null } });
  await rest(1_000);
  assert.deepEqual(await pods(), []);
  await isGone("web");
});

test("Garbage Collector, delete replication controller, propagation policy orphan: its pods stay, without an owner", async (t) => {
  const { rest, pods, replicate, remove, isGone } = await scene(t);
  await replicate("web", 10);
  await remove("web", "Orphan");
  await rest(30_000);
  await isGone("web");
  const left = await pods();
  assert.equal(left.length, 10);
  for (const { metadata } of left) assert.deepEqual(metadata.ownerReferences ?? [], []);
});

test("Garbage Collector, dependency cycle: three pods in a circle all go", async (t) => {
  const { client, create, rest, pods } = await scene(t);
  const created: Pod[] = [];
  for (const name of ["pod1", "pod2", "pod3"]) created.push(await create(Pods, pod(name)));
  for (const [index, { metadata }] of created.entries()) {
    const owner = created.at(index - 1)?.metadata;
    assert.ok(owner);
    const { name, uid } = owner;
    const reference = { apiVersion: "v1", kind: "Pod", name, uid, controller: true, blockOwnerDeletion: true };
    await client.patch(Pods, metadata, { metadata: { ownerReferences: [reference] } });
  }
  await rest();
  await client.delete(
    Pods,
    { namespace: "default", name: "pod1" },
    { body: { propagationPolicy: "Foreground", gracePeriodSeconds: 0 } },
  );
  await rest(1_000);
  assert.deepEqual(await pods(), []);
});

test("Garbage Collector, multiple owners: pods that another controller owns too stay when one is deleted", async (t) => {
  const { client, create, rest, pods, replicate, remove, isGone } = await scene(t);
  await replicate("dying", 10);
  const staying = await create(ReplicationControllers, controller("staying", 0));
  const shared = (await pods()).slice(0, 5);
  for (const { metadata } of shared) {
    const ownerReferences = [...(metadata.ownerReferences ?? []), ownedBy(staying)];
    await client.patch(Pods, metadata, { metadata: { ownerReferences } });
  }
  await remove("dying", "Foreground");
  await rest(30_000);
  await isGone("dying");
  const left = await pods();
  assert.deepEqual(left.map(({ metadata }) => metadata.uid).sort(), shared.map(({ metadata }) => metadata.uid).sort());
  for (const { metadata } of left) {
    assert.equal(metadata.deletionTimestamp, undefined);
    assert.deepEqual(metadata.ownerReferences, [ownedBy(staying)]);
  }
});

test("namespace-deletion-removes-pods: with the namespace all its pods go, and a new one of its name is empty", async (t) => {
  const { client, create, list, rest, startPods } = await scene(t);
  await create(Namespaces, { metadata: { name: "shop" } });
  await rest();
  await create(Pods, { metadata: { namespace: "shop", name: "web" }, spec });
  await startPods();
  await client.delete(Namespaces, { name: "shop" });
  await rest(30_000);
  await assert.rejects(client.get(Namespaces, { name: "shop" }), { code: 404 });
  await create(Namespaces, { metadata: { name: "shop" } });
  await rest();
  assert.deepEqual(await list(Pods, "shop"), []);
});

test("Replication Controller, adopt matching pods: a pod without an owner becomes its own", async (t) => {
  const { client, create, pods, replicate } = await scene(t);
  await create(Pods, pod("alone", { name: "adopting" }));
  const { metadata } = await replicate("adopting", 1);
  assert.equal((await pods()).length, 1);
  const adopted = await client.get(Pods, { namespace: "default", name: "alone" });
  assert.equal(adopted.metadata.ownerReferences?.[0]?.uid, metadata.uid);
});

test("Replication Controller, release pods: a pod whose labels match no more is let go, and replaced", async (t) => {
  const { client, rest, pods, replicate } = await scene(t);
  await replicate("releasing", 1);
  const [first] = await pods();
  assert.ok(first);
  await client.patch(Pods, first.metadata, { metadata: { labels: { name: "released" } } });
  await rest(1_000);
  const released = await client.get(Pods, first.metadata);
  assert.deepEqual(released.metadata.ownerReferences ?? [], []);
  assert.equal((await pods()).length, 2);
});

test("Replication Controller, check for issues like exceeding allocated quota: the failure is told until there is room", async (t) => {
  const { client, create, rest, pods } = await scene(t);
  await create(ResourceQuotas, { metadata: { name: "two", namespace: "default" }, spec: { hard: { pods: "2" } } });
  await rest();
  await create(ReplicationControllers, controller("greedy", 3));
  await rest(1_000);
  const key = { namespace: "default", name: "greedy" };
  const failure = async () =>
    (await client.get(ReplicationControllers, key)).status.conditions?.find(({ type }) => type === "ReplicaFailure");
  const told = await failure();
  assert.equal(told?.status, "True");
  assert.match(told?.message ?? "", /exceeded quota: two, requested: pods=1, used: pods=2, limited: pods=2/);
  assert.equal((await pods()).length, 2);
  await client.patch(ReplicationControllers, key, { spec: { replicas: 2 } });
  await rest(60_000);
  assert.equal(await failure(), undefined);
});

test("ReplicaSet, is created, Replaced and Patched: two pods run after a replace, and three after a patch with another image", async (t) => {
  const { client, create, rest, startPods } = await scene(t);
  const key = { namespace: "default", name: "set" };
  const labels = { app: "set" };
  await create(ReplicaSets, {
    metadata: key,
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
  const ready = async () => {
    await rest(1_000);
    await startPods();
    await rest(1_000);
    return (await client.get(ReplicaSets, key)).status.readyReplicas;
  };
  assert.equal(await ready(), 1);
  const live = await client.get(ReplicaSets, key);
  await client.update(ReplicaSets, { ...live, spec: { ...live.spec, replicas: 2 } });
  assert.equal(await ready(), 2);
  const containers = [{ name: "c", image: "other" }];
  const patch = {
    metadata: { labels: { patched: "yes" } },
    spec: { replicas: 3, template: { spec: { containers, terminationGracePeriodSeconds: 5 } } },
  };
  const patched = await client.patch(ReplicaSets, key, patch, { type: "application/strategic-merge-patch+json" });
  assert.equal(patched.metadata.labels?.patched, "yes");
  assert.equal(patched.spec.template?.spec?.containers[0]?.image, "other");
  assert.equal(patched.spec.template?.spec?.terminationGracePeriodSeconds, 5);
  assert.equal(await ready(), 3);
});
