import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { type ConfigMap, ConfigMaps, Namespaces, Nodes, type OwnerReference, Secrets } from "../api/index.ts";

async function scene(t: TestContext) {
  const plane = await startTestControlPlane(t, { controllers: ["garbage-collector-controller"] });
  await plane.rest();
  return {
    ...plane,
    make: (name: string, owners: readonly OwnerReference[] = [], more: object = {}) =>
      plane.create(ConfigMaps, { metadata: { namespace: "default", name, ownerReferences: owners, ...more } }),
    names: async () => (await plane.list(ConfigMaps, "default")).map(({ metadata }) => metadata.name),
    get: (name: string) => plane.client.get(ConfigMaps, { namespace: "default", name }),
    remove: (name: string, propagationPolicy?: "Background" | "Foreground" | "Orphan") =>
      plane.client.delete(
        ConfigMaps,
        { namespace: "default", name },
        propagationPolicy === undefined ? {} : { body: { propagationPolicy } },
      ),
  };
}

function by({ metadata }: ConfigMap, more: Partial<OwnerReference> = {}): OwnerReference {
  return { apiVersion: "v1", kind: "ConfigMap", name: metadata.name, uid: metadata.uid, ...more };
}

test("in the background dependents go after their owner, and theirs after them", async (t) => {
  const { make, names, remove, rest } = await scene(t);
  const owner = await make("owner");
  const child = await make("child", [by(owner)]);
  await make("grandchild", [by(child)]);
  await make("stranger");
  await rest();
  await remove("owner", "Background");
  await rest();
  assert.deepEqual(await names(), ["stranger"]);
});

test("an object with two owners goes with the last of them, and names only those that exist", async (t) => {
  const { make, names, get, remove, rest } = await scene(t);
  const one = await make("one");
  const two = await make("two");
  await make("child", [by(one), by(two)]);
  await rest();
  await remove("one");
  await rest();
  assert.deepEqual((await get("child")).metadata.ownerReferences, [by(two)]);
  await remove("two");
  await rest();
  assert.deepEqual(await names(), []);
});

test("an object whose owner never existed is deleted, one whose owner another object replaced too", async (t) => {
  const { make, names, rest } = await scene(t);
  const owner = await make("owner");
  await make("lost", [{ apiVersion: "v1", kind: "ConfigMap", name: "nobody", uid: "no-such-uid" }]);
  await make("replaced", [by(owner, { uid: "the-former-uid" })]);
  await rest();
  assert.deepEqual(await names(), ["owner"]);
});

test("an owner of another kind keeps its dependents", async (t) => {
  const { make, create, names, rest } = await scene(t);
  const secret = await create(Secrets, { metadata: { namespace: "default", name: "owner" } });
  await make("child", [{ apiVersion: "v1", kind: "Secret", name: "owner", uid: secret.metadata.uid }]);
  await rest();
  assert.deepEqual(await names(), ["child"]);
});

test("an owner deleted in the foreground waits for those that block it", async (t) => {
  const { client, make, names, get, remove, rest } = await scene(t);
  const owner = await make("owner");
  await make("blocking", [by(owner, { blockOwnerDeletion: true })], { finalizers: ["example.com/hold"] });
  await make("quick", [by(owner, { blockOwnerDeletion: true })]);
  await make("harmless", [by(owner)], { finalizers: ["example.com/hold"] });
  await rest();
  await remove("owner", "Foreground");
  await rest();
  assert.deepEqual(await names(), ["blocking", "harmless", "owner"]);
  assert.ok((await get("owner")).metadata.deletionTimestamp);
  assert.ok((await get("harmless")).metadata.deletionTimestamp);
  const release = (name: string) =>
    client.patch(ConfigMaps, { namespace: "default", name }, { metadata: { finalizers: null } });
  await release("blocking");
  await rest();
  assert.deepEqual(await names(), ["harmless"]);
});

test("a dependent that has another owner stays when one is deleted in the foreground", async (t) => {
  const { make, names, get, remove, rest } = await scene(t);
  const one = await make("one");
  const two = await make("two");
  await make("shared", [by(one, { blockOwnerDeletion: true }), by(two)]);
  await rest();
  await remove("one", "Foreground");
  await rest();
  assert.deepEqual(await names(), ["shared", "two"]);
  assert.deepEqual((await get("shared")).metadata.ownerReferences, [by(two)]);
});

test("foreground deletion reaches the dependents of dependents, the last first", async (t) => {
  const { client, make, names, remove, rest } = await scene(t);
  const owner = await make("owner");
  const child = await make("child", [by(owner, { blockOwnerDeletion: true })]);
  await make("grandchild", [by(child, { blockOwnerDeletion: true })], { finalizers: ["example.com/hold"] });
  await rest();
  await remove("owner", "Foreground");
  await rest();
  assert.deepEqual(await names(), ["child", "grandchild", "owner"]);
  await client.patch(ConfigMaps, { namespace: "default", name: "grandchild" }, { metadata: { finalizers: null } });
  await rest();
  assert.deepEqual(await names(), []);
});

test("owners in a circle do not wait for each other for ever", async (t) => {
  const { client, make, names, remove, rest } = await scene(t);
  const one = await make("one");
  const two = await make("two", [by(one, { blockOwnerDeletion: true })]);
  const ownerReferences = [by(two, { blockOwnerDeletion: true })];
  await client.patch(ConfigMaps, { namespace: "default", name: "one" }, { metadata: { ownerReferences } });
  await rest();
  await remove("one", "Foreground");
  await rest(1_000);
  assert.deepEqual(await names(), []);
});

test("orphaned dependents stay and forget their owner", async (t) => {
  const { make, names, get, remove, rest } = await scene(t);
  const owner = await make("owner");
  const other = await make("other");
  await make("child", [by(owner), by(other)]);
  await rest();
  await remove("owner", "Orphan");
  await rest();
  assert.deepEqual(await names(), ["child", "other"]);
  assert.deepEqual((await get("child")).metadata.ownerReferences, [by(other)]);
});

test("an owner in another namespace is no owner, and it is said", async (t) => {
  const { client, create, make, names, rest, events } = await scene(t);
  await create(Namespaces, { metadata: { name: "elsewhere" } });
  const owner = await client.create(ConfigMaps, { metadata: { namespace: "elsewhere", name: "owner" } });
  await make("child", [by(owner)]);
  await rest();
  assert.deepEqual(await names(), []);
  const reference = `[v1/ConfigMap, namespace: default, name: owner, uid: ${owner.metadata.uid}]`;
  assert.deepEqual(await events("ConfigMap"), [
    `Warning OwnerRefInvalidNamespace ownerRef ${reference} does not exist in namespace "default"`,
  ]);
});

test("a cluster-scoped object with a namespaced owner stays, which is told of owners that are known", async (t) => {
  const { create, list, make, remove, rest, events } = await scene(t);
  const owner = await make("owner");
  await rest();
  await create(Nodes, { metadata: { name: "n1", ownerReferences: [by(owner)] } });
  const unknown = { apiVersion: "v1", kind: "ConfigMap", name: "nobody", uid: "no-such-uid" };
  await create(Nodes, { metadata: { name: "n2", ownerReferences: [unknown] } });
  await rest();
  assert.deepEqual(await events("Node"), [
    `Warning OwnerRefInvalidNamespace ownerRef [v1/ConfigMap, namespace: , name: owner, uid: ${owner.metadata.uid}] does not exist in namespace ""`,
  ]);
  await remove("owner");
  await rest();
  assert.equal((await list(Nodes)).length, 2);
});

test("a namespaced object may have a cluster-scoped owner", async (t) => {
  const { client, create, make, names, rest } = await scene(t);
  const node = await create(Nodes, { metadata: { name: "n1" } });
  const owner = { apiVersion: "v1", kind: "Node", name: "n1", uid: node.metadata.uid };
  await make("child", [owner]);
  await rest();
  assert.deepEqual(await names(), ["child"]);
  await client.delete(Nodes, { name: "n1" });
  await rest();
  assert.deepEqual(await names(), []);
});

test("an owner of a kind or version that nobody serves is taken to exist, one of any version that is served is looked for", async (t) => {
  const { make, names, rest } = await scene(t);
  await make("child", [{ apiVersion: "example.com/v1", kind: "Widget", name: "w", uid: "u" }]);
  await make("former", [{ apiVersion: "apps/v1beta1", kind: "Deployment", name: "w", uid: "v" }]);
  await make("older", [{ apiVersion: "autoscaling/v1", kind: "HorizontalPodAutoscaler", name: "w", uid: "w" }]);
  await rest();
  assert.deepEqual(await names(), ["child", "former"]);
});

test("kinds that come later are collected, and kinds that go are asked for no more", async (t) => {
  const { client, create, list, make, names, registry, requests, rest } = await scene(t);
  const Widgets = { ...ConfigMaps, group: "example.com", kind: "Widget", plural: "widgets", listKind: "WidgetList" };
  await make("lost", [{ apiVersion: "example.com/v1", kind: "Widget", name: "nobody", uid: "no-such-uid" }]);
  await rest();
  assert.deepEqual(await names(), ["lost"]);
  registry.set(Widgets);
  await rest();
  assert.deepEqual(await names(), []);
  const widget = await create(Widgets, { metadata: { namespace: "default", name: "w" } });
  const owner = { apiVersion: "example.com/v1", kind: "Widget", name: "w", uid: widget.metadata.uid };
  await make("child", [owner]);
  await create(Widgets, { metadata: { namespace: "default", name: "part", ownerReferences: [owner] } });
  await rest();
  registry.set({ ...Widgets, shortNames: ["wd"] });
  await rest();
  await client.delete(Widgets, { namespace: "default", name: "w" });
  await rest();
  assert.deepEqual(await names(), []);
  assert.deepEqual(await list(Widgets), []);
  registry.delete("example.com", "v1", "widgets");
  await rest();
  const before = requests().length;
  await rest(600_000);
  assert.deepEqual(requests().slice(before), []);
});

test("at rest the collector asks nothing", async (t) => {
  const { make, requests, rest } = await scene(t);
  const owner = await make("owner");
  await make("child", [by(owner)]);
  await rest();
  const before = requests().length;
  await rest(3_600_000);
  assert.deepEqual(requests().slice(before), []);
});

test("a kind that cannot be listed does not keep the others from being collected", async (t) => {
  const { make, names, remove, refuse, registry, rest } = await scene(t);
  const owner = await make("owner");
  await make("child", [by(owner)]);
  refuse(({ plural }) => (plural === "widgets" ? new Error("conversion webhook failed") : undefined));
  const kind = registry.find("", "v1", "configmaps");
  assert.ok(kind);
  registry.set({ ...kind, group: "example.com", kind: "Widget", plural: "widgets" });
  await rest();
  await remove("owner");
  await rest();
  assert.deepEqual(await names(), ["child"]);
  await rest(60_000);
  assert.deepEqual(await names(), []);
});
