import assert from "node:assert/strict";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import { ConfigMaps, Pods, type RequestOptions, type WatchEvent } from "../../api/index.ts";
import { SortedMap } from "../../lib/index.ts";
import { startTestServer, type TestServer } from "../server-for-tests.ts";

let server: TestServer;
aroundTests(
  async () => {
    server = await startTestServer();
  },
  () => server.close(),
);

let namespaces = 0;
const fresh = () => `ns-${namespaces++}`;

const create = (namespace: string, name: string, labels = {}) =>
  server.send("create", ConfigMaps, { namespace, body: { metadata: { name, labels } } });
const list = (namespace: string) => server.list(ConfigMaps, { namespace });
const label = (namespace: string, name: string, labels: object) =>
  server.send("patch", ConfigMaps, {
    namespace,
    name,
    body: { metadata: { labels } },
    patchType: "application/merge-patch+json",
  });

async function watch(namespace: string, options: RequestOptions, name?: string) {
  const stop = new AbortController();
  const target = { namespace, options, signal: stop.signal, ...(name ? { name } : {}) };
  const events = await server.watch(ConfigMaps, target);
  return { stop, next: async () => (await events.next()).value as WatchEvent | undefined };
}

const brief = (event: WatchEvent | undefined) => event && `${event.type} ${event.object.metadata.name}`;

test("watch-configmaps-label-changed: what enters a selection is added and what leaves it is deleted, as it was last", async () => {
  const namespace = fresh();
  const { metadata } = await list(namespace);
  const { next, stop } = await watch(namespace, {
    resourceVersion: metadata.resourceVersion!,
    labelSelector: "on=yes",
  });
  await create(namespace, "a", { on: "no" });
  const on = await label(namespace, "a", { on: "yes" });
  await label(namespace, "a", { more: "1" });
  const off = await label(namespace, "a", { on: "no" });
  await server.send("delete", ConfigMaps, { namespace, name: "a" });
  assert.equal((await next())?.object.metadata.resourceVersion, on.metadata.resourceVersion);
  assert.equal(brief(await next()), "MODIFIED a");
  const left = await next();
  assert.equal(brief(left), "DELETED a");
  assert.deepEqual(left?.object.metadata.labels, { on: "yes", more: "1" });
  assert.equal(left?.object.metadata.resourceVersion, off.metadata.resourceVersion);
  stop.abort();
  assert.equal(await next(), undefined);
});

test("a watch without a version begins with what is there", async () => {
  const namespace = fresh();
  await create(namespace, "a");
  await create(fresh(), "elsewhere");
  const { next, stop } = await watch(namespace, {});
  assert.equal(brief(await next()), "ADDED a");
  await create(namespace, "b");
  assert.equal(brief(await next()), "ADDED b");
  stop.abort();
});

test("a streamed list of one object, or of the pods of one node, looks at no others", async (t) => {
  const namespace = fresh();
  for (const name of ["a", "b", "c"]) {
    await create(namespace, name);
    const spec = { nodeName: `node-${name}`, containers: [{ name: "c", image: "i" }] };
    await server.send("create", Pods, { namespace, body: { metadata: { name }, spec } });
  }
  const listed = t.mock.method(SortedMap.prototype, "list");
  const first = async (resource: typeof ConfigMaps | typeof Pods, fieldSelector: string) => {
    const stop = new AbortController();
    const options = { fieldSelector, sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" as const };
    const events = await server.watch(resource, { namespace, options, signal: stop.signal });
    const { value } = await events.next();
    stop.abort();
    return brief(value);
  };
  assert.equal(await first(ConfigMaps, "metadata.name=b"), "ADDED b");
  assert.equal(await first(Pods, "spec.nodeName=node-b"), "ADDED b");
  const lengths = listed.mock.calls.map(({ result }) => (result as readonly unknown[]).length);
  assert.deepEqual(lengths, [1]);
});

test("a streamed list ends its beginning with a marked bookmark", async () => {
  const namespace = fresh();
  await create(namespace, "a");
  const options = { sendInitialEvents: true, allowWatchBookmarks: true, resourceVersionMatch: "NotOlderThan" as const };
  const { next, stop } = await watch(namespace, options);
  assert.equal(brief(await next()), "ADDED a");
  const mark = await next();
  assert.equal(mark?.type, "BOOKMARK");
  assert.deepEqual(Object.keys(mark?.object.metadata ?? {}), ["resourceVersion", "annotations"]);
  assert.deepEqual(mark?.object.metadata.annotations, { "k8s.io/initial-events-end": "true" });
  stop.abort();
});

test("the present state is told piece by piece, in order, and then what changes", async () => {
  const namespace = fresh();
  const names = Array.from({ length: 1_100 }, (_, at) => `c${String(at).padStart(4, "0")}`);
  for (const name of names) await create(namespace, name);
  const stop = new AbortController();
  const response = await server.serve("watch", ConfigMaps, { namespace, signal: stop.signal });
  assert.ok(response.type === "watch");
  const told: string[] = [];
  const lengths: number[] = [];
  for await (const batch of response.batches) {
    lengths.push(batch.length);
    for (const event of batch) if (event.type !== "BOOKMARK") told.push(event.stored.object.metadata.name);
    if (told.length === names.length) await create(namespace, "later");
    if (told.length > names.length) break;
  }
  assert.deepEqual(lengths, [500, 500, 100, 1]);
  assert.deepEqual(told, [...names, "later"]);
  stop.abort();
});

test("a bookmark each minute says how far the watch has come", async () => {
  const namespace = fresh();
  const { metadata } = await list(namespace);
  const options = { resourceVersion: metadata.resourceVersion!, allowWatchBookmarks: true };
  const { next, stop } = await watch(namespace, options);
  const pending = next();
  const { metadata: elsewhere } = await create(fresh(), "elsewhere");
  await server.clock.advance(60_000);
  const mark = await pending;
  assert.equal(mark?.type, "BOOKMARK");
  assert.equal(mark?.object.metadata.resourceVersion, elsewhere.resourceVersion);
  assert.equal(mark?.object.kind, "ConfigMap");
  stop.abort();
});

const notOlder = { resourceVersionMatch: "NotOlderThan" } as const;
const refusedWatches: readonly [RequestOptions, RegExp][] = [
  [notOlder, /resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided/],
  [{ sendInitialEvents: true }, /sendInitialEvents requires setting resourceVersionMatch to NotOlderThan/],
  [{ sendInitialEvents: false }, /sendInitialEvents requires setting resourceVersionMatch to NotOlderThan/],
  [
    { sendInitialEvents: true, resourceVersionMatch: "Exact", resourceVersion: "1" },
    /sendInitialEvents requires.*Unsupported value: "Exact": supported values: "NotOlderThan"/,
  ],
  [
    { ...notOlder, sendInitialEvents: true, continue: "x" },
    /resourceVersionMatch is forbidden when continue is provided/,
  ],
];

for (const [options, message] of refusedWatches)
  test(`a watch with ${JSON.stringify(options)} is refused`, async () => {
    await assert.rejects(watch("default", options), { code: 422, message });
  });

test("a watch of one name with a selector of another is refused", async () => {
  const options = { fieldSelector: "metadata.name=b" };
  const message = "fieldSelector metadata.name doesn't match requested name";
  await assert.rejects(watch("default", options, "a"), { code: 400, message });
  await assert.rejects(watch("default", { fieldSelector: "metadata.namespace=b" }, "a"), { code: 400, message });
});

test("a watch that wants no initial events begins with what comes", async () => {
  const namespace = fresh();
  await create(namespace, "a");
  const { next, stop } = await watch(namespace, { ...notOlder, sendInitialEvents: false });
  await create(namespace, "b");
  assert.equal(brief(await next()), "ADDED b");
  stop.abort();
});

test("a streamed list of a version that is still to come times out", async () => {
  const refused = assert.rejects(
    watch("default", { ...notOlder, sendInitialEvents: true, resourceVersion: "999999" }),
    {
      code: 504,
    },
  );
  await server.clock.advance(3_000);
  await refused;
});

test("the last bookmark comes two seconds before the watch ends", async () => {
  const { next } = await watch(fresh(), { timeoutSeconds: 90, allowWatchBookmarks: true, resourceVersion: "0" });
  const types = (async () => {
    const seen: [string | undefined, number][] = [];
    for (let event = await next(); event; event = await next()) seen.push([event.type, server.clock.now()]);
    return seen;
  })();
  const startMs = server.clock.now();
  for (let second = 0; second < 90; second++) await server.clock.advance(1_000);
  assert.deepEqual(await types, [
    ["BOOKMARK", startMs + 60_000],
    ["BOOKMARK", startMs + 88_000],
  ]);
});

test("watch-configmaps-closed-and-restarted: a new watch goes on where the last one was", async () => {
  const namespace = fresh();
  const first = await watch(namespace, {});
  await create(namespace, "a");
  const seen = await first.next();
  first.stop.abort();
  await label(namespace, "a", { changed: "yes" });
  await server.send("delete", ConfigMaps, { namespace, name: "a" });
  const second = await watch(namespace, { resourceVersion: seen!.object.metadata.resourceVersion! });
  assert.equal(brief(await second.next()), "MODIFIED a");
  assert.equal(brief(await second.next()), "DELETED a");
  second.stop.abort();
});

test("watch-configmaps-from-resource-version: only what came after the version is told", async () => {
  const namespace = fresh();
  await create(namespace, "a");
  const first = await label(namespace, "a", { mutation: "1" });
  await label(namespace, "a", { mutation: "2" });
  await server.send("delete", ConfigMaps, { namespace, name: "a" });
  const { next, stop } = await watch(namespace, { resourceVersion: first.metadata.resourceVersion! });
  const second = await next();
  assert.equal(second?.object.metadata.labels?.mutation, "2");
  assert.equal(brief(await next()), "DELETED a");
  stop.abort();
});

test("watch-configmaps-with-multiple-watchers: each is told of its selection and of nothing else", async () => {
  const namespace = fresh();
  const selectors = ["w=a", "w=b", "w in (a,b)"];
  const watches = await Promise.all(selectors.map((labelSelector) => watch(namespace, { labelSelector })));
  for (const name of ["a", "b"]) {
    await create(namespace, name, { w: name });
    await label(namespace, name, { more: "1" });
    await server.send("delete", ConfigMaps, { namespace, name });
  }
  const both = ["a", "b"].flatMap((name) => ["ADDED", "MODIFIED", "DELETED"].map((type) => `${type} ${name}`));
  for (const [index, expected] of [both.slice(0, 3), both.slice(3), both].entries())
    for (const event of expected) assert.equal(brief(await watches[index]!.next()), event);
  for (const { stop, next } of watches) {
    stop.abort();
    assert.equal(await next(), undefined);
  }
});

test("watch-consistency: watches begun at each event of another see the events in its order", async () => {
  const namespace = fresh();
  const { metadata } = await list(namespace);
  const first = await watch(namespace, { resourceVersion: metadata.resourceVersion! });
  const writes = (async () => {
    for (let index = 0; index < 20; index++) {
      await create(namespace, `c-${index}`);
      await label(namespace, `c-${index}`, { changed: "yes" });
      if (index % 2 === 0) await server.send("delete", ConfigMaps, { namespace, name: `c-${index}` });
    }
  })();
  const versions: string[] = [];
  const others: Awaited<ReturnType<typeof watch>>[] = [];
  for (let count = 0; count < 50; count++) {
    versions.push((await first.next())!.object.metadata.resourceVersion!);
    others.push(await watch(namespace, { resourceVersion: versions.at(-1)! }));
  }
  await writes;
  for (const [index, { next, stop }] of others.entries()) {
    for (const expected of versions.slice(index + 1))
      assert.equal((await next())?.object.metadata.resourceVersion, expected);
    stop.abort();
  }
  first.stop.abort();
});

test("a watch from before what is kept ends with the version that is too old", async () => {
  const namespace = fresh();
  await create(namespace, "a");
  await server.clock.advance(11 * 60_000);
  await create(namespace, "b");
  await assert.rejects(watch(namespace, { resourceVersion: "1" }), {
    code: 410,
    message: /^too old resource version: 1 \(\d+\)$/,
  });
});

test("a watch ends after its timeout", async () => {
  const { next } = await watch(fresh(), { timeoutSeconds: 5 });
  const pending = next();
  await server.clock.advance(5_000);
  assert.equal(await pending, undefined);
});

test("a watch of one name tells of nothing else", async () => {
  const namespace = fresh();
  const { metadata } = await list(namespace);
  const { next, stop } = await watch(namespace, { resourceVersion: metadata.resourceVersion! }, "b");
  await create(namespace, "a");
  await create(namespace, "b");
  assert.equal(brief(await next()), "ADDED b");
  stop.abort();
});

test("a watch of the pods of a node in one namespace tells of no other namespace", async () => {
  const [own, other] = [fresh(), fresh()];
  const spec = { nodeName: "shared", containers: [{ name: "c", image: "i" }] };
  const stop = new AbortController();
  const events = await server.watch(Pods, {
    namespace: own,
    options: { fieldSelector: "spec.nodeName=shared" },
    signal: stop.signal,
  });
  for (const namespace of [other, own])
    await server.send("create", Pods, { namespace, body: { metadata: { name: "a" }, spec } });
  assert.equal((await events.next()).value?.object.metadata.namespace, own);
  stop.abort();
});
