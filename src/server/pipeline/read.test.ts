import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  ApiError,
  ConfigMaps,
  Events,
  EventsV1,
  type ObjectList,
  Pods,
  type RequestOptions,
  type WatchEvent,
} from "../../api/index.ts";
import { startTestServer, type TestServer } from "../server-for-tests.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

let namespaces = 0;
/** A namespace of its own for each test: nothing in the pipeline itself asks whether there is one. */
const fresh = () => `ns-${namespaces++}`;

const create = (namespace: string, name: string, labels = {}) =>
  server.send("create", ConfigMaps, { namespace, body: { metadata: { name, labels } } });
const list = (namespace: string, options: RequestOptions = {}) => server.list(ConfigMaps, { namespace, options });
const label = (namespace: string, name: string, labels: object) =>
  server.send("patch", ConfigMaps, {
    namespace,
    name,
    body: { metadata: { labels } },
    patchType: "application/merge-patch+json",
  });
const names = ({ items }: ObjectList) => items.map((each) => each.metadata.name);

test("selectors choose by labels and fields", async () => {
  const namespace = fresh();
  for (const [name, tier] of [
    ["a", "front"],
    ["b", "back"],
    ["c", "front"],
  ])
    await create(namespace, name ?? "", { tier });
  assert.deepEqual(names(await list(namespace, { labelSelector: "tier=front" })), ["a", "c"]);
  assert.deepEqual(names(await list(namespace, { labelSelector: "tier notin (front)" })), ["b"]);
  assert.deepEqual(names(await list(namespace, { fieldSelector: "metadata.name=b" })), ["b"]);
  assert.deepEqual(names(await list(namespace, { fieldSelector: "metadata.name!=b", labelSelector: "tier" })), [
    "a",
    "c",
  ]);
  await assert.rejects(list(namespace, { fieldSelector: "spec.x=b" }), { code: 400 });
});

test("pods are found by their node in all namespaces", async () => {
  const create = (namespace: string, nodeName: string) =>
    server.send("create", Pods, {
      namespace,
      body: { metadata: { generateName: "p-" }, spec: { nodeName, containers: [{ name: "c", image: "i" }] } },
    });
  const [one, two] = [fresh(), fresh()];
  await create(one, "n1");
  await create(two, "n1");
  await create(two, "n2");
  const find = (namespace: string | undefined) =>
    server.list(Pods, { ...(namespace ? { namespace } : {}), options: { fieldSelector: "spec.nodeName=n1" } });
  assert.equal((await find(undefined)).items.length, 2);
  assert.equal((await find(two)).items.length, 1);
});

test("pages show the state of the first one, and end", async () => {
  const namespace = fresh();
  for (const name of ["a", "b", "c", "d", "e"]) await create(namespace, name);
  const first = await list(namespace, { limit: 2 });
  assert.deepEqual(names(first), ["a", "b"]);
  assert.equal(first.metadata.remainingItemCount, 3);
  await server.send("delete", ConfigMaps, { namespace, name: "c" });
  await create(namespace, "cc");
  const second = await list(namespace, { limit: 2, continue: first.metadata.continue! });
  assert.deepEqual(names(second), ["c", "d"]);
  assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
  const third = await list(namespace, { limit: 2, continue: second.metadata.continue! });
  assert.deepEqual(names(third), ["e"]);
  assert.equal(third.metadata.continue, undefined);
});

test("a list says the revision at which it was read, also when others were written last", async () => {
  const namespace = fresh();
  const { metadata } = await create(namespace, "a");
  const other = await server.send("create", Pods, {
    namespace,
    body: { metadata: { name: "other" }, spec: { containers: [{ name: "c", image: "i" }] } },
  });
  const resourceVersion = other.metadata.resourceVersion!;
  for (const options of [
    {},
    { labelSelector: "!k" },
    { limit: 500 },
    { resourceVersion: "0" },
    { resourceVersion: metadata.resourceVersion! },
    { resourceVersion, resourceVersionMatch: "NotOlderThan" },
    { resourceVersion, resourceVersionMatch: "Exact" },
  ] as const)
    assert.equal((await list(namespace, options)).metadata.resourceVersion, resourceVersion, JSON.stringify(options));
  // A watch from there misses nothing and repeats nothing.
  const stop = new AbortController();
  const events = await server.watch(ConfigMaps, { namespace, options: { resourceVersion }, signal: stop.signal });
  await create(namespace, "b");
  assert.equal(((await events.next()).value as { object: { metadata: { name: string } } }).object.metadata.name, "b");
  stop.abort();
});

test("a selector leaves remainingItemCount out, and a page that takes all needs no token", async () => {
  const namespace = fresh();
  for (const name of ["a", "b", "c"]) await create(namespace, name, { k: name === "b" ? "no" : "yes" });
  const first = await list(namespace, { limit: 1, labelSelector: "k=yes" });
  assert.equal(first.metadata.remainingItemCount, undefined);
  const second = await list(namespace, { limit: 1, labelSelector: "k=yes", continue: first.metadata.continue! });
  assert.deepEqual(names(second), ["c"]);
  assert.equal(second.metadata.continue, undefined);
  assert.equal((await list(namespace, { limit: 3 })).metadata.continue, undefined);
});

test("an old token is expired, and offers to go on inconsistently", async () => {
  const namespace = fresh();
  for (const name of ["a", "b", "c"]) await create(namespace, name);
  const first = await list(namespace, { limit: 1 });
  await server.clock.advance(5 * 60_000);
  const error = await list(namespace, { limit: 1, continue: first.metadata.continue! }).catch(
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ApiError);
  assert.equal(error.code, 410);
  assert.equal(error.reason, "Expired");
  await create(namespace, "bb");
  const token = error.status.metadata.continue;
  assert.deepEqual(names(await list(namespace, { continue: token! })), ["b", "bb", "c"]);
});

const refusedLists: readonly [RequestOptions, number, RegExp][] = [
  [{ continue: "!" }, 400, /continue key is not valid/],
  [{ resourceVersion: "abc" }, 400, /Invalid value: "abc"/],
  [{ resourceVersionMatch: "Exact" }, 422, /resourceVersionMatch is forbidden unless resourceVersion is provided/],
  [{ resourceVersionMatch: "Exact", resourceVersion: "0" }, 422, /is forbidden for resourceVersion "0"/],
  [
    { resourceVersionMatch: "Exact", resourceVersion: "1" },
    410,
    /The resourceVersion for the provided list is too old/,
  ],
  [{ sendInitialEvents: true }, 422, /sendInitialEvents is forbidden for list/],
  [{ labelSelector: "a in" }, 400, /unable to parse requirement/],
];

for (const [options, code, message] of refusedLists)
  test(`a list with ${JSON.stringify(options)} is refused`, async () => {
    await create(fresh(), "a");
    await assert.rejects(list("default", options), { code, message });
  });

test("a list of a version that is still to come times out", async () => {
  const pending = list("default", { resourceVersion: "999999" });
  const refused = assert.rejects(pending, { code: 504, message: /Too large resource version: 999999, current: \d+/ });
  await server.clock.advance(3_000);
  await refused;
});

test("an exact version is listed as long as nothing has changed since", async () => {
  const namespace = fresh();
  await create(namespace, "a");
  const { metadata } = await list(namespace);
  const options = { resourceVersion: metadata.resourceVersion!, resourceVersionMatch: "Exact" as const };
  assert.deepEqual(names(await list(namespace, options)), ["a"]);
});

test("events are the same ones in both groups", async () => {
  const namespace = fresh();
  const regarding = { kind: "Pod", namespace, name: "p" };
  await server.send("create", Events, {
    namespace,
    body: {
      metadata: { name: "e" },
      involvedObject: regarding,
      reason: "Why",
      message: "what happened",
      type: "Normal",
    },
  });
  const event = await server.send("get", EventsV1, { namespace, name: "e" });
  assert.equal(event.apiVersion, "events.k8s.io/v1");
  assert.equal(event.note, "what happened");
  assert.equal((await server.list(EventsV1, { namespace })).items[0]?.regarding?.name, "p");
});

async function watch(namespace: string, options: RequestOptions, name?: string) {
  const stop = new AbortController();
  const target = { namespace, options, signal: stop.signal, ...(name ? { name } : {}) };
  const events = await server.watch(ConfigMaps, target);
  return { stop, next: async () => (await events.next()).value as WatchEvent | undefined };
}

const brief = (event: WatchEvent | undefined) => event && `${event.type} ${event.object.metadata.name}`;

test("what enters a selection is added and what leaves it is deleted, as it was last", async () => {
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

test("a streamed list ends its beginning with a marked bookmark", async () => {
  const namespace = fresh();
  await create(namespace, "a");
  const options = { sendInitialEvents: true, allowWatchBookmarks: true, resourceVersionMatch: "NotOlderThan" as const };
  const { next, stop } = await watch(namespace, options);
  assert.equal(brief(await next()), "ADDED a");
  const mark = await next();
  assert.equal(mark?.type, "BOOKMARK");
  assert.deepEqual(mark?.object.metadata.annotations, { "k8s.io/initial-events-end": "true" });
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
