import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps } from "../api/index.ts";
import { SortedMap, silentLogger, VirtualClock } from "../lib/index.ts";
import { MemoryStorage, objectKey, startWatchCache, valueFromObject } from "../storage/index.ts";
import { lookupIn } from "./lookup.ts";

test("how many objects there are, of all namespaces or of one, is told without listing them", async (t) => {
  const storage = new MemoryStorage();
  const cache = await startWatchCache(storage, { clock: new VirtualClock(), log: silentLogger });
  for (const [namespace, name] of [
    ["a", "one"],
    ["a", "two"],
    ["b", "one"],
  ] as const) {
    const metadata = { namespace, name, uid: "", resourceVersion: "", creationTimestamp: "" };
    const value = valueFromObject({ apiVersion: "v1", kind: "ConfigMap", metadata });
    await cache.waitFor(await storage.commit([{ key: objectKey(ConfigMaps, namespace, name), value }]));
  }
  const listed = t.mock.method(SortedMap.prototype, "list");
  const lookup = lookupIn(cache);
  assert.deepEqual(
    [undefined, "a", "b", "c"].map((namespace) => lookup.count(ConfigMaps, namespace)),
    [3, 2, 1, 0],
  );
  assert.equal(listed.mock.callCount(), 0);
  await cache.close();
});
