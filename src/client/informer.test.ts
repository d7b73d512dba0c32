import assert from "node:assert/strict";
import { test } from "node:test";
import { atRest, FaultyApi, pass } from "../../test/faulty-api.ts";
import { ApiError, type ConfigMap, ConfigMaps, expired, Pods, Secrets, serviceUnavailable } from "../api/index.ts";
import { SortedMap, seededRandom, silentLogger, VirtualClock } from "../lib/index.ts";
import { type Client, type InformerEvent, InformerSet, inProcessClient } from "./index.ts";

interface Scene {
  readonly api: FaultyApi;
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly informers: InformerSet;
  readonly stop: AbortController;
}

async function scene(): Promise<Scene> {
  const api = await FaultyApi.start();
  const client = inProcessClient(api, { name: "tester", groups: [] });
  const clock = new VirtualClock();
  const stop = new AbortController();
  const informers = new InformerSet({
    client,
    clock,
    random: seededRandom(1),
    log: silentLogger,
    signal: stop.signal,
  });
  return { api, client, clock, informers, stop };
}

const map = (name: string, data: Record<string, string> = {}, namespace = "default") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data,
});

function record(events: string[]) {
  return (event: InformerEvent<ConfigMap>) => {
    events.push(`${event.type} ${event.object.metadata.name} ${JSON.stringify(event.object.data ?? {})}`);
  };
}

test("an informer holds what was there and follows what changes", async () => {
  const { client, informers } = await scene();
  await client.create(ConfigMaps, map("a", { k: "1" }));
  const events: string[] = [];
  const informer = informers.informer(ConfigMaps);
  informer.addHandler(record(events));
  await informer.synced();
  await client.create(ConfigMaps, map("b"));
  await client.update(ConfigMaps, map("a", { k: "2" }));
  await client.delete(ConfigMaps, { namespace: "default", name: "b" });
  await atRest();
  assert.deepEqual(events, ['add a {"k":"1"}', "add b {}", 'update a {"k":"2"}', "delete b {}"]);
  assert.deepEqual(informers.get(ConfigMaps, "default/a")?.data, { k: "2" });
  assert.equal(informers.get(ConfigMaps, "default/b"), undefined);
});

test("an in-process informer shares the server's objects", async () => {
  const { client, informers } = await scene();
  const created = await client.create(ConfigMaps, map("a"));
  await informers.informer(ConfigMaps).synced();
  assert.equal(informers.get(ConfigMaps, "default/a"), created);
});

test("lists are in key order, by namespace too, and what was handed out does not change", async () => {
  const { client, informers } = await scene();
  for (const [name, namespace] of [
    ["b", "default"],
    ["a", "default"],
    ["x", "default-2"],
    ["y", "a"],
  ] as const) {
    await client.create(ConfigMaps, map(name, {}, namespace));
  }
  await informers.informer(ConfigMaps).synced();
  const names = (list: readonly ConfigMap[]) =>
    list.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(" ");
  const all = informers.list(ConfigMaps);
  assert.equal(names(all), "a/y default-2/x default/a default/b");
  assert.equal(names(informers.list(ConfigMaps, "default")), "default/a default/b");
  await client.create(ConfigMaps, map("c"));
  await atRest();
  assert.equal(all.length, 4);
  assert.equal(informers.list(ConfigMaps).length, 5);
});

test("a handler that comes late is told what is there", async () => {
  const { client, informers } = await scene();
  await client.create(ConfigMaps, map("a"));
  await informers.informer(ConfigMaps).synced();
  const events: string[] = [];
  informers.informer(ConfigMaps).addHandler(record(events));
  assert.deepEqual(events, ["add a {}"]);
});

test("a handler that throws stops neither the cache nor the other handlers", async () => {
  const { client, informers } = await scene();
  const informer = informers.informer(ConfigMaps);
  informer.addHandler(() => {
    throw new Error("broken");
  });
  const events: string[] = [];
  informer.addHandler(record(events));
  await informer.synced();
  await client.create(ConfigMaps, map("a"));
  await atRest();
  assert.deepEqual(events, ["add a {}"]);
});

test("a watch that ends is taken up where it ended, without a list", async () => {
  const { api, client, clock, informers } = await scene();
  await informers.informer(ConfigMaps).synced();
  await pass(clock, 60_000);
  api.endWatches();
  await client.create(ConfigMaps, map("a"));
  await atRest();
  assert.ok(informers.get(ConfigMaps, "default/a"));
  assert.equal(api.count("list", "configmaps"), 1);
  assert.equal(api.count("watch", "configmaps"), 2);
});

test("after a bookmark the watch goes on from the bookmark", async () => {
  const { api, client, clock, informers } = await scene();
  const informer = informers.informer(ConfigMaps);
  await informer.synced();
  await atRest();
  await client.create(Secrets, { metadata: { namespace: "default", name: "other" } });
  const resourceVersion = api.bookmark();
  await atRest();
  assert.equal(informer.revision, Number(resourceVersion));
  await pass(clock, 60_000);
  api.compact();
  api.endWatches();
  await atRest();
  assert.equal(api.requests.at(-1)?.request.options?.resourceVersion, resourceVersion);
  assert.equal(api.count("list", "configmaps"), 1);
});

test("when history is gone the informer lists again and tells what was missed", async () => {
  const { api, client, clock, informers } = await scene();
  for (const name of ["kept", "changed", "deleted", "replaced"]) await client.create(ConfigMaps, map(name));
  const informer = informers.informer(ConfigMaps);
  await informer.synced();
  await atRest();
  const events: string[] = [];
  informer.addHandler(record(events));
  events.length = 0;
  api.hold();
  await client.update(ConfigMaps, map("changed", { k: "2" }));
  await client.delete(ConfigMaps, { namespace: "default", name: "deleted" });
  await client.delete(ConfigMaps, { namespace: "default", name: "replaced" });
  await client.create(ConfigMaps, map("replaced", { k: "new" }));
  api.compact();
  api.endWatches(expired("too old"));
  await pass(clock, 1_000);
  assert.deepEqual(events.sort(), [
    'add replaced {"k":"new"}',
    "delete deleted {}",
    "delete replaced {}",
    'update changed {"k":"2"}',
  ]);
});

test("a server that fails is asked again with growing pauses, and not at all when nothing fails", async () => {
  const { api, clock, informers } = await scene();
  api.failure = () => serviceUnavailable("starting");
  const informer = informers.informer(ConfigMaps);
  await pass(clock, 120_000);
  const attempts = api.requests.length;
  assert.ok(attempts >= 6 && attempts < 20, `${attempts} attempts in two minutes`);
  assert.equal(informer.hasSynced, false);
  api.failure = () => undefined;
  await pass(clock, 60_000);
  assert.equal(informer.hasSynced, true);
  const synced = api.requests.length;
  await pass(clock, 3_600_000);
  assert.equal(api.requests.length, synced);
});

test("watches that all end at once are not repeated in a hot loop", async () => {
  const { api, clock, informers } = await scene();
  api.failure = (request) => (request.verb === "watch" ? new ApiError(500, "InternalError", "no") : undefined);
  await informers.informer(ConfigMaps).synced();
  await pass(clock, 10_000);
  assert.ok(api.count("watch", "configmaps") < 12);
});

test("indexes and owners are found without a scan", async () => {
  const { client, informers } = await scene();
  informers.informer(ConfigMaps).addIndex("data.team", (each) => (each.data?.team ? [each.data.team] : []));
  const owner = { uid: "u1", kind: "ReplicaSet", name: "set", apiVersion: "apps/v1", controller: true };
  await client.create(ConfigMaps, map("a", { team: "red" }));
  const owned = {
    ...map("b", { team: "blue" }),
    metadata: { name: "b", namespace: "default", ownerReferences: [owner] },
  };
  await client.create(ConfigMaps, owned);
  await atRest();
  const names = (list: readonly ConfigMap[]) => list.map((each) => each.metadata.name);
  assert.deepEqual(names(informers.byIndex(ConfigMaps, "data.team", "red")), ["a"]);
  assert.deepEqual(names(informers.ownedBy(ConfigMaps, { metadata: { uid: "u1" } })), ["b"]);
  await atRest();
  await client.update(ConfigMaps, map("a", { team: "blue" }));
  await atRest();
  assert.deepEqual(names(informers.byIndex(ConfigMaps, "data.team", "red")), []);
  assert.deepEqual(names(informers.byIndex(ConfigMaps, "data.team", "blue")), ["a", "b"]);
});

test("an object that changes is moved in those indexes alone where it stands elsewhere now", async (t) => {
  const { client, informers } = await scene();
  const informer = informers.informer(ConfigMaps);
  informer.addIndex("words", (each) => Object.values(each.data ?? {}));
  await client.create(ConfigMaps, map("a", { x: "one", y: "two" }));
  await informer.synced();
  await atRest();
  const removed = t.mock.method(SortedMap.prototype, "delete");
  await client.update(ConfigMaps, { ...map("a", { y: "one", z: "two" }) });
  await atRest();
  assert.equal(removed.mock.callCount(), 0);
  assert.deepEqual(informer.byIndex("words", "two"), informer.list());
  assert.equal(informer.list()[0]?.data?.z, "two");
  await client.update(ConfigMaps, { ...map("a", { y: "one", z: "three" }) });
  await atRest();
  assert.equal(removed.mock.callCount(), 1);
  assert.deepEqual(informer.byIndex("words", "two"), []);
  assert.deepEqual(informer.byIndex("words", "three"), informer.list());
});

test("a selection reaches the server and cannot be changed by a second asker", async () => {
  const { api, informers } = await scene();
  informers.informer(Pods, { fieldSelector: "spec.nodeName=n1" });
  assert.equal(api.requests[0]?.request.options?.fieldSelector, "spec.nodeName=n1");
  informers.informer(Pods);
  assert.throws(() => informers.informer(Pods, { fieldSelector: "spec.nodeName=n2" }), /another selection/);
});

test("reading what nobody watches is said, not answered with nothing", async () => {
  const { informers } = await scene();
  assert.throws(() => informers.list(Pods), /nothing watches \/v1\/pods/);
});

test("a stopped informer ends its watch and asks no more", async () => {
  const { api, clock, informers, stop } = await scene();
  await informers.informer(ConfigMaps).synced();
  await atRest();
  assert.equal(api.watchers, 1);
  stop.abort();
  await pass(clock, 120_000);
  assert.equal(api.watchers, 0);
  assert.equal(api.count("watch", "configmaps"), 1);
});
