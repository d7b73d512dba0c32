import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/index.ts";
import { MetricRegistry, silentLogger, VirtualClock } from "../lib/index.ts";
import { startWatchCache } from "./cache.ts";
import { MemoryStorage } from "./memory.ts";
import { valueFromObject } from "./value.ts";
import { observeWatchCache } from "./watch-cache-metrics.ts";

test("loads, events and watches that were cut off are counted by resource", async () => {
  const storage = new MemoryStorage();
  const value = valueFromObject({ metadata: { name: "a" } } as KubeObject); // nobody here looks into it
  const put = (key: string) => storage.commit([{ key, value }]);
  await put("/registry/core/pods/n/before");
  const options = { clock: new VirtualClock(), log: silentLogger, watcherEventsMax: 1 };
  const cache = await startWatchCache(storage, options);
  const metrics = new MetricRegistry();
  observeWatchCache(metrics, cache);
  const { signal } = new AbortController();
  const pods = cache.resource("/registry/core/pods/");
  const watches = [pods.watch(1, signal), pods.watch(1, signal, { namespace: "n" })];
  await put("/registry/core/pods/n/a");
  await put("/registry/core/pods/n/b");
  await cache.waitFor(await put("/registry/apps/deployments/n/a"));
  await Promise.all(watches.map(({ ended }) => ended));
  const series = [...metrics.text().matchAll(/^apiserver_(?:watch_cache_)?(.*)_total\{(.*)\} (\d+)$/gm)];
  assert.deepEqual(
    series.map(([, name, labels, count]) => `${name} ${labels} ${count}`),
    [
      'initializations group="",resource="pods" 1',
      'initializations group="apps",resource="deployments" 1',
      'events_dispatched group="",resource="pods" 2',
      'events_dispatched group="apps",resource="deployments" 1',
      'terminated_watchers group="",resource="pods" 2',
    ],
  );
  await cache.close();
});
