import assert from "node:assert/strict";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import { ApiError, ConfigMaps, Events, EventsV1, type ObjectList, Pods, type RequestOptions } from "../../api/index.ts";
import { VirtualClock } from "../../lib/index.ts";
import { MemoryStorage } from "../../storage/index.ts";
import { startTestServer, type TestServer } from "../server-for-tests.ts";

let server: TestServer;
aroundTests(
  async () => {
    server = await startTestServer();
  },
  () => server.close(),
);

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
  await create(fresh(), "elsewhere");
  await server.clock.advance(10 * 60_000);
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

const token = (content: object) => Buffer.from(JSON.stringify(content)).toString("base64url");

const refusedLists: readonly [RequestOptions, number, RegExp][] = [
  [{ continue: "!" }, 400, /^invalid continue token: continue key is not valid$/],
  [{ continue: token({ v: "v2", rv: 1, start: "a" }) }, 400, /server does not recognize this encoded version v2/],
  [{ continue: token({ v: "meta.k8s.io/v1", rv: 0, start: "a" }) }, 400, /incorrect encoded start resourceVersion/],
  [{ continue: token({ v: "meta.k8s.io/v1", rv: 1, start: "" }) }, 400, /encoded start key empty/],
  [{ continue: token({ v: "meta.k8s.io/v1", rv: 1, start: "../a" }) }, 400, /continue key is not valid: \.\.\/a/],
  [
    { continue: token({ v: "meta.k8s.io/v1", rv: 1, start: "a" }), resourceVersion: "5" },
    400,
    /^specifying resource version is not allowed when using continue$/,
  ],
  [{ continue: "!", resourceVersion: "5" }, 400, /^invalid continue token: continue key is not valid$/],
  [{ continue: "!", resourceVersion: "abc" }, 400, /^invalid resource version: resourceVersion: Invalid value: "abc"/],
  [
    { continue: "x", resourceVersion: "5", resourceVersionMatch: "NotOlderThan" },
    422,
    /resourceVersionMatch is forbidden when continue is provided/,
  ],
  [{ resourceVersion: "5", resourceVersionMatch: "Newest" as never }, 422, /Unsupported value: "Newest"/],
  [
    { resourceVersion: "abc" },
    400,
    /^invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax$/,
  ],
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
  const refused = assert.rejects(pending, (error) => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.code, 504);
    assert.match(error.message, /^Timeout: Too large resource version: 999999, current: \d+$/);
    assert.equal(error.status.details?.retryAfterSeconds, 1);
    const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
    assert.deepEqual(error.status.details.causes, causes);
    return true;
  });
  await server.clock.advance(3_000);
  await refused;
});

test("a read of a version that is on its way waits for it", async () => {
  const namespace = fresh();
  const { metadata } = await create(namespace, "a");
  const next = String(Number(metadata.resourceVersion) + 1);
  const listed = list(namespace, { resourceVersion: next });
  const got = server.send("get", ConfigMaps, { namespace, name: "b", options: { resourceVersion: next } });
  await create(namespace, "b");
  assert.deepEqual(names(await listed), ["a", "b"]);
  assert.equal((await got).metadata.name, "b");
});

test("an exact version is listed as it was, whatever happened since", async () => {
  const namespace = fresh();
  for (const name of ["a", "b", "d"]) await create(namespace, name);
  const { metadata } = await list(namespace);
  const options = { resourceVersion: metadata.resourceVersion!, resourceVersionMatch: "Exact" as const };
  await label(namespace, "b", { later: "yes" });
  await server.send("delete", ConfigMaps, { namespace, name: "a" });
  await create(namespace, "c");
  const past = await list(namespace, options);
  assert.deepEqual(names(past), ["a", "b", "d"]);
  assert.equal(past.items[1]?.metadata.labels?.later, undefined);
  assert.equal(past.metadata.resourceVersion, metadata.resourceVersion);
  // In pages a version without a match means exactly that version, and without pages at least that one.
  const { resourceVersion } = options;
  const page = await list(namespace, { resourceVersion, limit: 2 });
  assert.deepEqual(names(page), ["a", "b"]);
  assert.deepEqual(names(await list(namespace, { continue: page.metadata.continue! })), ["d"]);
  assert.deepEqual(names(await list(namespace, { resourceVersion })), ["b", "c", "d"]);
  const notOlder = { resourceVersion, resourceVersionMatch: "NotOlderThan", limit: 2 } as const;
  assert.deepEqual(names(await list(namespace, notOlder)), ["b", "c"]);
  assert.deepEqual(names(await list(namespace, { resourceVersion: "0", limit: 2 })), ["b", "c"]);
});

test("a limit that is not positive is none", async () => {
  const namespace = fresh();
  for (const name of ["a", "b"]) await create(namespace, name);
  for (const limit of [0, -1]) {
    const all = await list(namespace, { limit });
    assert.deepEqual(names(all), ["a", "b"]);
    assert.equal(all.metadata.continue, undefined);
  }
});

test("pages may differ in size, and a list without a limit takes the rest", async () => {
  const namespace = fresh();
  for (const name of ["a", "b", "c", "d"]) await create(namespace, name);
  const first = await list(namespace, { limit: 1 });
  const second = await list(namespace, { limit: 2, continue: first.metadata.continue! });
  assert.equal(second.metadata.remainingItemCount, 1);
  assert.deepEqual(names(await list(namespace, { continue: first.metadata.continue! })), ["b", "c", "d"]);
});

test("a page continues as it began when what it shows is deleted by label", async () => {
  const namespace = fresh();
  for (const name of ["a", "b", "c"]) await create(namespace, name);
  const first = await list(namespace, { limit: 1 });
  await server.serve("deletecollection", ConfigMaps, { namespace });
  const rest = await list(namespace, { continue: first.metadata.continue! });
  assert.deepEqual(names(rest), ["b", "c"]);
});

test("a token outlives a restart where its collection is as it was, and leads on from its place where it is not", async () => {
  const storage = new MemoryStorage();
  const restarted = () => startTestServer({ storage });
  const on = ({ list }: TestServer, options: RequestOptions) => list(ConfigMaps, { namespace: "n", options });
  const make = ({ send }: TestServer, namespace: string, name: string) =>
    send("create", ConfigMaps, { namespace, body: { metadata: { name } } });
  const drop = ({ send }: TestServer, namespace: string, name: string) =>
    send("delete", ConfigMaps, { namespace, name });
  const first = await restarted();
  for (const name of ["a", "b", "c"]) await make(first, "n", name);
  const token = (await on(first, { limit: 1 })).metadata.continue!;
  const refusal = async (server: TestServer) => {
    const error = await on(server, { continue: token }).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof ApiError);
    assert.equal(error.code, 410);
    return error.status.metadata.continue!;
  };
  // Elsewhere much can be written, and in the collection what is gone again.
  await make(first, "elsewhere", "a");
  await make(first, "n", "d");
  await drop(first, "n", "d");
  await first.cache.close();
  const second = await restarted();
  assert.deepEqual(names(await on(second, { continue: token })), ["b", "c"]);
  const page = await on(second, { limit: 1, continue: token });
  assert.deepEqual([names(page), page.metadata.remainingItemCount], [["b"], 1]);
  await drop(second, "n", "b");
  assert.deepEqual(names(await on(second, { continue: token })), ["b", "c"]);
  await second.cache.close();
  const third = await restarted();
  assert.deepEqual(names(await on(third, { continue: await refusal(third) })), ["c"]);
  await make(third, "n", "b");
  await third.cache.close();
  const fourth = await restarted();
  assert.deepEqual(names(await on(fourth, { continue: await refusal(fourth) })), ["b", "c"]);
  await fourth.close();
});

test("a token from before a restart is good for as long as any other", async () => {
  const clock = new VirtualClock();
  const storage = new MemoryStorage();
  const first = await startTestServer({ storage, clock });
  const make = (name: string) => first.send("create", ConfigMaps, { namespace: "n", body: { metadata: { name } } });
  for (const name of ["a", "b"]) await make(name);
  const { metadata } = await first.list(ConfigMaps, { namespace: "n", options: { limit: 1 } });
  await make("c");
  await first.send("delete", ConfigMaps, { namespace: "n", name: "c" });
  await first.cache.close();
  const second = await startTestServer({ storage, clock });
  const rest = () => second.list(ConfigMaps, { namespace: "n", options: { continue: metadata.continue! } });
  await clock.advance(4 * 60_000);
  assert.deepEqual(names(await rest()), ["b"]);
  await clock.advance(6 * 60_000);
  await assert.rejects(rest(), { code: 410 });
  await second.close();
});

test("a list without a version shows every write that was acknowledged before it", async () => {
  const namespace = fresh();
  const writes = Array.from({ length: 50 }, async (_, index) => {
    await create(namespace, `c-${index}`);
    assert.ok(names(await list(namespace)).includes(`c-${index}`));
  });
  await Promise.all(writes);
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
