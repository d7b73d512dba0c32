import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/index.ts";
import { settle, silentLogger, VirtualClock } from "../lib/index.ts";
import { startWatchCache, type WatchCacheOptions } from "./cache.ts";
import { MemoryStorage } from "./memory.ts";
import { type Change, Compacted, type Snapshot, type StorageEvent } from "./storage.ts";
import { valueFromBytes, valueFromObject } from "./value.ts";
import type { CacheEvent, CacheWatch, StoredObject, WatchCache } from "./watch-cache.ts";

const podsPrefix = "/registry/core/pods/";
const nodesPrefix = "/registry/core/nodes/";
const never = new AbortController().signal;

function pod(namespace: string, name: string, nodeName = ""): KubeObject {
  // Only what these tests read.
  return { apiVersion: "v1", kind: "Pod", metadata: { namespace, name }, spec: { nodeName } } as unknown as KubeObject;
}

const podKey = (namespace: string, name: string) => `${podsPrefix}${namespace}/${name}`;

function putPod(namespace: string, name: string, nodeName?: string): Change {
  return { key: podKey(namespace, name), value: valueFromObject(pod(namespace, name, nodeName)) };
}

const nodeNameOf = (object: KubeObject) => (object as unknown as { spec: { nodeName: string } }).spec.nodeName;

async function start(storage = new MemoryStorage(), options: Partial<WatchCacheOptions> = {}) {
  const clock = new VirtualClock();
  const cache = await startWatchCache(storage, { clock, log: silentLogger, freeze: true, ...options });
  /** Commits and waits until the cache shows it. */
  const commit = async (...changes: Change[]) => {
    const revision = await storage.commit(changes);
    await cache.waitFor(revision);
    return revision;
  };
  return { storage, cache, clock, commit, pods: cache.resource(podsPrefix) };
}

const names = (objects: readonly StoredObject[]) => objects.map((each) => each.key.slice(podsPrefix.length));

const describeEvent = (event: CacheEvent) =>
  `${event.revision} ${event.type} ${event.current.key.slice(podsPrefix.length)}`;

/** What a watch of `cache` has to give right now. */
async function ready(cache: WatchCache, watch: CacheWatch): Promise<string[]> {
  const taken: string[] = [];
  const iterator = watch[Symbol.asyncIterator]();
  while (watch.delivered < cache.revision) {
    const { value } = await iterator.next();
    for (const event of value ?? []) taken.push(describeEvent(event));
  }
  return taken;
}

test("what was stored before the start is there, under its own revision", async () => {
  const storage = new MemoryStorage();
  await storage.commit([putPod("a", "one")]);
  await storage.commit([putPod("a", "two")]);
  const { pods, cache } = await start(storage);
  assert.equal(cache.revision, 2);
  assert.deepEqual(names(pods.list()), ["a/one", "a/two"]);
  assert.equal(pods.get(podKey("a", "one"))?.object.metadata.resourceVersion, "1");
  await cache.close();
});

test("an object carries its revision, in the object and in the bytes, whichever is asked for first", async () => {
  const json = '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"é","labels":{"a":"b"}},"spec":{}}';
  for (const first of ["object", "bytes"] as const) {
    const storage = new MemoryStorage();
    await storage.commit([{ key: podKey("a", "x"), value: valueFromBytes(new TextEncoder().encode(json)) }]);
    const { pods, cache } = await start(storage);
    const stored = pods.get(podKey("a", "x"));
    assert.ok(stored?.[first]);
    const expected = { ...JSON.parse(json), metadata: { name: "é", labels: { a: "b" }, resourceVersion: "1" } };
    assert.deepEqual(stored.object, expected);
    assert.deepEqual(JSON.parse(new TextDecoder().decode(stored.bytes)), expected);
    assert.equal(stored.bytes, stored.bytes);
    await cache.close();
  }
});

test("bytes are right when metadata is not where it usually is", async () => {
  const documents = [
    '{"spec":{"metadata":{"name":"inner"}},"metadata":{"name":"x"}}',
    '{"metadata":{"name":"x"},"kind":"Pod"}',
    '{"kind":"P\\"od","metadata":{"name":"x"}}',
    '{"metadata":{}}',
  ];
  for (const json of documents) {
    const storage = new MemoryStorage();
    await storage.commit([{ key: podKey("a", "x"), value: valueFromBytes(new TextEncoder().encode(json)) }]);
    const { pods, cache } = await start(storage);
    const bytes = pods.get(podKey("a", "x"))?.bytes;
    const plain = JSON.parse(json);
    assert.deepEqual(JSON.parse(new TextDecoder().decode(bytes)), {
      ...plain,
      metadata: { ...plain.metadata, resourceVersion: "1" },
    });
    await cache.close();
  }
});

test("objects are frozen all the way down when asked", async () => {
  const { pods, cache, commit } = await start();
  await commit(putPod("a", "one"));
  const object = pods.get(podKey("a", "one"))?.object as unknown as { metadata: { name: string } };
  assert.throws(() => {
    object.metadata.name = "other";
  }, TypeError);
  await cache.close();
});

test("lists are in key order, of all namespaces and of one", async () => {
  const { pods, cache, commit } = await start();
  await commit(putPod("b", "z"), putPod("a", "y"), putPod("a-b", "x"));
  await commit(putPod("a", "b"));
  await commit(putPod("b", "a"));
  assert.deepEqual(names(pods.list()), ["a-b/x", "a/b", "a/y", "b/a", "b/z"]);
  assert.deepEqual(
    names(pods.list()),
    names(pods.list()).toSorted(),
    "the order of keys, in which a dash comes before a slash",
  );
  assert.deepEqual(names(pods.list("a")), ["a/b", "a/y"]);
  assert.deepEqual(pods.list("none"), []);
  await commit({ key: podKey("a", "b") }, { key: podKey("a-b", "x") });
  assert.deepEqual(names(pods.list()), ["a/y", "b/a", "b/z"]);
  await cache.close();
});

test("a list that was handed out never changes", async () => {
  const { pods, cache, commit } = await start();
  await commit(putPod("a", "one"), putPod("b", "two"));
  const all = pods.list();
  const inNamespace = pods.list("a");
  await commit(putPod("a", "zero"), { key: podKey("b", "two") });
  await commit(putPod("a", "one", "node"));
  assert.deepEqual(names(all), ["a/one", "b/two"]);
  assert.deepEqual(names(inNamespace), ["a/one"]);
  assert.equal(inNamespace[0]?.revision, 1);
  assert.deepEqual(names(pods.list()), ["a/one", "a/zero"]);
  await cache.close();
});

test("the list of an earlier revision is as it was, in all namespaces and in one", async () => {
  const { pods, cache, commit } = await start();
  for (const [namespace, name] of [
    ["a", "one"],
    ["a", "three"],
    ["b", "one"],
  ] as const)
    await commit(putPod(namespace, name));
  const lists = () => [names(pods.listAt(3)), names(pods.listAt(3, "a")), names(pods.listAt(3, "b"))];
  const present = lists();
  assert.deepEqual(present, [["a/one", "a/three", "b/one"], ["a/one", "a/three"], ["b/one"]]);
  const before = pods.listAt(3);
  await commit({ key: podKey("a", "one") });
  await commit(putPod("a", "two"));
  await commit(putPod("b", "one"));
  await commit(putPod("a", "one"));
  assert.deepEqual(lists(), present);
  assert.deepEqual(pods.listAt(3), before, "the same versions of the objects");
  assert.deepEqual(names(pods.listAt(4)), ["a/three", "b/one"]);
  assert.deepEqual(names(pods.listAt(5, "a")), ["a/three", "a/two"]);
  await cache.close();
});

test("a list from before what the ring holds is refused", async () => {
  const storage = new MemoryStorage();
  await storage.commit([putPod("a", "one")]);
  const { pods, cache, commit } = await start(storage);
  assert.deepEqual(names(pods.listAt(1)), ["a/one"]);
  await commit(putPod("a", "two"));
  assert.throws(() => pods.listAt(0), Compacted);
  await cache.close();
});

test("a watch that breaks off within a commit goes on with the rest of it", async () => {
  const { pods, cache, commit } = await start();
  const node = { key: `${nodesPrefix}n`, value: valueFromObject(pod("", "n")) };
  await commit(putPod("a", "one"), node, putPod("a", "two"), putPod("a", "three"));
  assert.deepEqual(names(pods.list()), ["a/one", "a/three", "a/two"]);
  const { signal } = new AbortController();
  const after = (name: string) => ready(cache, pods.watch(pods.get(podKey("a", name))!.revision, signal));
  assert.deepEqual(await after("one"), ["2 ADDED a/two", "3 ADDED a/three"]);
  assert.deepEqual(await after("two"), ["3 ADDED a/three"]);
  assert.deepEqual(await after("three"), []);
  // What is written last says what the commit is known by.
  assert.equal(cache.resource(nodesPrefix).lastChange, cache.revision);
  await cache.close();
});

test("lists are the same until something changes, and lastChange says when", async () => {
  const { pods, cache, commit } = await start();
  assert.equal(pods.lastChange, 0);
  await commit(putPod("a", "one"), putPod("b", "one"));
  const list = pods.list();
  await commit({ key: `${nodesPrefix}n`, value: valueFromObject(pod("", "n")) });
  assert.equal(pods.list(), list);
  assert.equal(pods.lastChange, 2);
  assert.equal(cache.resource(nodesPrefix).lastChange, 3);
  assert.equal(cache.resource(nodesPrefix).list().length, 1);
  await cache.close();
});

test("an index files objects under their value, and moves them when it changes", async () => {
  const { pods, cache, commit } = await start();
  await commit(putPod("a", "two", "n1"), putPod("a", "one", "n1"), putPod("a", "three"));
  pods.addIndex("node", (object) => nodeNameOf(object) || undefined);
  assert.deepEqual(names(pods.byIndex("node", "n1")), ["a/one", "a/two"]);
  await commit(putPod("a", "one", "n2"));
  await commit(putPod("a", "three", "n2"));
  assert.deepEqual(names(pods.byIndex("node", "n1")), ["a/two"]);
  assert.deepEqual(names(pods.byIndex("node", "n2")), ["a/one", "a/three"]);
  await commit({ key: podKey("a", "two") });
  assert.deepEqual(pods.byIndex("node", "n1"), []);
  assert.throws(() => pods.byIndex("unknown", "x"), /has an index unknown/);
  await cache.close();
});

test("a watch gets what came since its revision and what comes", async () => {
  const { pods, cache, commit } = await start();
  await commit(putPod("a", "one"));
  await commit(putPod("a", "two"));
  const watch = pods.watch(1, never);
  await commit(putPod("a", "one"));
  await commit({ key: podKey("a", "two") });
  assert.deepEqual(await ready(cache, watch), ["2 ADDED a/two", "3 MODIFIED a/one", "4 DELETED a/two"]);
  await cache.close();
});

test("a deletion shows the last state under the revision of the deletion", async () => {
  const { pods, cache, commit } = await start();
  await commit(putPod("a", "one", "n1"));
  const watch = pods.watch(1, never)[Symbol.asyncIterator]();
  await commit({ key: podKey("a", "one") });
  const [event] = (await watch.next()).value as readonly CacheEvent[];
  assert.equal(event?.current.object.metadata.resourceVersion, "2");
  assert.equal(JSON.parse(new TextDecoder().decode(event?.current.bytes)).metadata.resourceVersion, "2");
  assert.equal(event && nodeNameOf(event.current.object), "n1");
  assert.equal(event?.previous?.object.metadata.resourceVersion, "1");
  await cache.close();
});

test("a scoped watch gets what is or was in its scope, and nothing else", async () => {
  const { pods, cache, commit } = await start();
  pods.addIndex("node", (object) => nodeNameOf(object) || undefined);
  await commit(putPod("a", "one", "n1"));
  const scopes = {
    namespace: pods.watch(0, never, { namespace: "a" }),
    key: pods.watch(0, never, { key: podKey("b", "two") }),
    index: pods.watch(0, never, { index: "node", value: "n1" }),
  };
  await commit(putPod("b", "two"));
  await commit(putPod("b", "two", "n1"));
  await commit(putPod("b", "two", "n2"));
  await commit(putPod("b", "two"));
  assert.deepEqual(await ready(cache, scopes.namespace), ["1 ADDED a/one"]);
  assert.deepEqual(await ready(cache, scopes.key), [
    "2 ADDED b/two",
    "3 MODIFIED b/two",
    "4 MODIFIED b/two",
    "5 MODIFIED b/two",
  ]);
  assert.deepEqual(await ready(cache, scopes.index), ["1 ADDED a/one", "3 MODIFIED b/two", "4 MODIFIED b/two"]);
  assert.equal(scopes.index.delivered, cache.revision, "a bookmark may say that all was seen");
  assert.throws(() => pods.watch(0, never, { index: "unknown", value: "x" }), /has an index unknown/);
  await cache.close();
});

test("events that are ready come as one array", async () => {
  const { storage, pods, cache } = await start();
  const watch = pods.watch(0, never)[Symbol.asyncIterator]();
  const next = watch.next();
  await Promise.all(Array.from({ length: 10 }, (_, index) => storage.commit([putPod("a", `pod-${index}`)])));
  assert.equal((await next).value?.length, 10);
  await cache.close();
});

test("a reader that is woken gets what is ready, and a bookmark after it may say that", async () => {
  const { storage, pods, cache } = await start();
  const watch = pods.watch(0, never);
  const iterator = watch[Symbol.asyncIterator]();
  const first = iterator.next();
  watch.wake();
  assert.deepEqual(await first, { done: false, value: [] });
  assert.equal(watch.delivered, 0);
  watch.wake();
  const second = iterator.next();
  void storage.commit([putPod("a", "one")]);
  void storage.commit([putPod("a", "two")]);
  assert.deepEqual((await second).value?.map(describeEvent), ["1 ADDED a/one", "2 ADDED a/two"]);
  assert.equal(watch.delivered, 2, "what is woken while nobody waits is not woken later");
  await storage.commit([putPod("a", "three")]);
  await cache.waitFor(3);
  assert.equal(watch.delivered, 2, "what was not taken does not count");
  await cache.close();
});

test("a watch from a revision that is not reached yet starts after it", async () => {
  const { pods, cache, commit } = await start();
  const watch = pods.watch(1, never);
  await commit(putPod("a", "one"));
  await commit(putPod("a", "two"));
  assert.deepEqual(await ready(cache, watch), ["2 ADDED a/two"]);
  await cache.close();
});

test("a watch from before the load is refused", async () => {
  const storage = new MemoryStorage();
  await storage.commit([putPod("a", "one")]);
  const { pods, cache } = await start(storage);
  assert.throws(() => pods.watch(0, never), new Compacted(0, 2));
  assert.throws(() => cache.resource("/registry/apps/deployments/").watch(0, never), Compacted);
  pods.watch(1, never);
  await cache.close();
});

test("a watch from before what the ring holds is refused", async () => {
  const { pods, cache, commit } = await start(new MemoryStorage(), { ringEventsMax: 3 });
  for (let index = 0; index < 10; index++) await commit(putPod("a", `pod-${index}`));
  assert.throws(() => pods.watch(6, never), new Compacted(6, 8));
  assert.equal((await pods.watch(7, never)[Symbol.asyncIterator]().next()).value?.length, 3);
  await cache.close();
});

test("events older than five minutes leave the ring", async () => {
  const { pods, cache, clock, commit } = await start();
  await commit(putPod("a", "one"));
  await clock.advance(3 * 60_000);
  await commit(putPod("a", "two"));
  await clock.advance(3 * 60_000 + 1);
  assert.throws(() => pods.watch(0, never), Compacted);
  assert.deepEqual(await ready(cache, pods.watch(1, never)), ["2 ADDED a/two"]);
  await cache.close();
});

test("the storage's history is compacted after five minutes", async (context) => {
  const { storage, cache, clock, commit } = await start();
  const asked: number[] = [];
  context.mock.method(storage, "compact", async (before: number) => void asked.push(before));
  for (const name of ["one", "two", "three"]) await commit(putPod("a", name));
  await clock.advance(6 * 60_000);
  await commit(putPod("a", "four"));
  assert.deepEqual(asked, [0], "what came since the start is five minutes old only now");
  await clock.advance(5 * 60_000);
  assert.deepEqual([asked, cache.compacted], [[0, 3], 3]);
  await cache.close();
});

test("a watch that falls too far behind is ended with Compacted, others go on", async () => {
  const { pods, cache, commit } = await start(new MemoryStorage(), { watcherEventsMax: 5 });
  const slow = pods.watch(0, never)[Symbol.asyncIterator]();
  const quick = pods.watch(0, never)[Symbol.asyncIterator]();
  let seen = 0;
  for (let index = 0; index < 8; index++) {
    await commit(putPod("a", `pod-${index}`));
    seen += (await quick.next()).value?.length ?? 0;
  }
  assert.equal(seen, 8);
  await assert.rejects(slow.next(), Compacted);
  assert.deepEqual(await slow.next(), { done: true, value: undefined });
  await cache.close();
});

test("a watch ends with its signal, with its reader and with the cache", async () => {
  const { pods, cache, commit } = await start();
  const controller = new AbortController();
  const bySignal = pods.watch(0, controller.signal)[Symbol.asyncIterator]();
  const waiting = bySignal.next();
  controller.abort();
  assert.equal((await waiting).done, true);
  assert.equal((await pods.watch(0, controller.signal)[Symbol.asyncIterator]().next()).done, true);

  await commit(putPod("a", "one"));
  for await (const _ of pods.watch(0, never)) break;

  const byClose = pods.watch(1, never)[Symbol.asyncIterator]();
  const last = byClose.next();
  await cache.close();
  assert.equal((await last).done, true);
});

test("waitFor resolves when the revision is applied, and rejects with its signal and at close", async () => {
  const { cache, commit } = await start();
  const order: string[] = [];
  const later = cache.waitFor(2).then(() => order.push("two"));
  const sooner = cache.waitFor(1).then(() => order.push("one"));
  await commit(putPod("a", "one"));
  await sooner;
  assert.deepEqual(order, ["one"]);
  await commit(putPod("a", "two"));
  await later;
  await cache.waitFor(1);

  const controller = new AbortController();
  const aborted = cache.waitFor(9, controller.signal);
  controller.abort(new Error("gave up"));
  await assert.rejects(aborted, /gave up/);
  const closed = cache.waitFor(9);
  await cache.close();
  await assert.rejects(closed, { name: "AbortError" });
  await assert.rejects(cache.waitFor(9), { name: "AbortError" });
});

test("those who stop waiting do not hold up the others", async () => {
  const { cache, commit } = await start();
  const order: number[] = [];
  const waits = [3, 1, 2].map((revision) => cache.waitFor(revision).then(() => order.push(revision)));
  const controller = new AbortController();
  const abandoned = [9, 1, 2, 5, 3, 9, 9].map((revision) => cache.waitFor(revision, controller.signal));
  controller.abort(new Error("gave up"));
  for (const result of await Promise.allSettled(abandoned)) assert.equal(result.status, "rejected");
  for (const name of ["one", "two", "three"]) await commit(putPod("a", name));
  await Promise.all(waits);
  assert.deepEqual(order, [1, 2, 3]);
  await cache.close();
});

/** A storage whose watch breaks when told, as one across a network does. */
class BreakingStorage extends MemoryStorage {
  #break: ((error: unknown) => void) | undefined;
  rangeFailures = 0;

  override async *watch(prefix: string, after: number, signal: AbortSignal): AsyncGenerator<readonly StorageEvent[]> {
    const broken = new Promise<never>((_, reject) => {
      this.#break = reject;
    });
    const events = super.watch(prefix, after, signal)[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([events.next(), broken]);
      if (next.done) return;
      yield next.value;
    }
  }

  override range(prefix: string): Promise<Snapshot> {
    if (this.rangeFailures-- > 0) return Promise.reject(new Error("unreachable"));
    return super.range(prefix);
  }

  break(error: unknown): void {
    this.#break?.(error);
  }
}

test("after the storage compacted what was missed, watchers see the changes that lead to the present", async () => {
  const storage = new BreakingStorage();
  const { pods, cache, clock, commit } = await start(storage);
  await commit(putPod("a", "stays"));
  await commit(putPod("a", "changes"));
  await commit(putPod("a", "goes"));
  const watch = pods.watch(3, never);
  storage.rangeFailures = 1;
  storage.break(new Error("connection lost"));
  await storage.commit([putPod("a", "changes", "n1")]);
  await storage.commit([{ key: podKey("a", "goes") }]);
  await storage.commit([putPod("a", "new")]);
  await storage.compact(7);
  await clock.advance(2_000);
  await cache.waitFor(6);
  assert.deepEqual(await ready(cache, watch), ["4 MODIFIED a/changes", "6 ADDED a/new", "6 DELETED a/goes"]);
  assert.deepEqual(names(pods.list()), ["a/changes", "a/new", "a/stays"]);
  assert.throws(() => pods.watch(5, never), Compacted);
  assert.equal(new Map(cache.counts()).get(podsPrefix)?.loads, 2);
  await commit(putPod("a", "after"));
  assert.deepEqual(await ready(cache, watch), ["7 ADDED a/after"]);
  await cache.close();
});

test("an object that was deleted and created again unseen is told as that, not as changed", async () => {
  const storage = new BreakingStorage();
  const { pods, cache, clock, commit } = await start(storage);
  await commit(putPod("a", "again"));
  const watch = pods.watch(1, never);
  storage.rangeFailures = 1;
  storage.break(new Error("connection lost"));
  await storage.commit([{ key: podKey("a", "again") }]);
  await storage.commit([putPod("a", "again", "n1")]);
  await storage.commit([putPod("a", "again", "n2")]);
  await storage.compact(5);
  await clock.advance(2_000);
  await cache.waitFor(4);
  assert.deepEqual(await ready(cache, watch), ["2 DELETED a/again", "4 ADDED a/again"]);
  await cache.close();
});

test("a state that was missed is not taken for the one before and after it", async () => {
  const storage = new BreakingStorage();
  const { pods, cache, clock, commit } = await start(storage);
  await commit(putPod("a", "stays"));
  storage.break(new Error("connection lost"));
  await storage.commit([putPod("a", "passing")]);
  await storage.commit([{ key: podKey("a", "passing") }]);
  await storage.compact(4);
  await clock.advance(2_000);
  await cache.waitFor(3);
  assert.deepEqual(names(pods.listAt(3)), ["a/stays"]);
  assert.throws(() => pods.listAt(2), Compacted);
  await cache.close();
});

test("after a failure of the watch the cache goes on where it was", async () => {
  const storage = new BreakingStorage();
  const { pods, cache, clock, commit } = await start(storage);
  await commit(putPod("a", "one"));
  storage.break(new Error("connection lost"));
  await storage.commit([putPod("a", "two")]);
  await settle();
  assert.deepEqual(names(pods.list()), ["a/one"]);
  await clock.advance(1_000);
  await cache.waitFor(2);
  assert.deepEqual(names(pods.list()), ["a/one", "a/two"]);
  pods.watch(1, never);
  await cache.close();
});
