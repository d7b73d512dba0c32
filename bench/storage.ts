// The storage alone: `test/node bench/storage.ts`. Prints figure and target of each row.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KubeObject } from "../src/api/index.ts";
import { silentLogger, systemClock } from "../src/lib/index.ts";
import { MemoryStorage, type Storage, startWatchCache, valueFromObject } from "../src/storage/index.ts";
import { openLmdbStorage } from "../src/storage/lmdb/index.ts";

const prefix = "/registry/core/configmaps/";

/** A ConfigMap of about 1 kB. */
function configMap(name: string, index = 0): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name,
      namespace: "default",
      uid: "2b1c3d4e-5f60-7182-93a4-b5c6d7e8f901",
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels: { app: "bench", index: String(index % 100) },
    },
    data: { text: "x".repeat(800) },
  } as unknown as KubeObject; // data belongs to ConfigMap, which the storage does not know
}

function report(what: string, figure: number, unit: string, target?: number): void {
  const goal = target === undefined ? "" : `target ${target.toLocaleString("en")}`;
  const shown = figure >= 100 ? Math.round(figure).toLocaleString("en") : figure.toFixed(2);
  console.log(`${what.padEnd(64)} ${shown.padStart(10)} ${unit.padEnd(5)} ${goal}`);
}

async function perSecond(count: number, run: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await run();
  return (count / (performance.now() - startMs)) * 1000;
}

/** `writers` at once create `count` objects; each waits for its answer before the next. */
async function createAll(writers: number, count: number, create: (name: string) => Promise<unknown>): Promise<void> {
  let next = 0;
  const writer = async () => {
    while (next < count) await create(`object-${next++}`);
  };
  await Promise.all(Array.from({ length: writers }, writer));
}

async function withLmdb(run: (storage: Storage) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "bench-storage-"));
  const storage = await openLmdbStorage(path);
  try {
    await run(storage);
  } finally {
    await storage.close();
    await rm(path, { recursive: true });
  }
}

async function benchCommits(): Promise<void> {
  for (const [writers, count, target] of [
    [1, 2_000, undefined],
    [32, 30_000, undefined],
    [64, 30_000, 20_000],
  ] as const) {
    await withLmdb(async (storage) => {
      const rate = await perSecond(count, () =>
        createAll(writers, count, (name) =>
          storage.commit([{ key: `${prefix}default/${name}`, expect: 0, value: valueFromObject(configMap(name)) }]),
        ),
      );
      report(`lmdb: durable creates of 1 kB, ${writers} writers`, rate, "/s", target);
    });
  }
  await withLmdb(async (storage) => {
    const cache = await startWatchCache(storage, { clock: systemClock, log: silentLogger });
    const resource = cache.resource(prefix);
    const count = 30_000;
    const rate = await perSecond(count, () =>
      createAll(32, count, async (name) => {
        const key = `${prefix}default/${name}`;
        const revision = await storage.commit([{ key, expect: 0, value: valueFromObject(configMap(name)) }]);
        await cache.waitFor(revision);
        if (!resource.get(key)?.bytes.length) throw new Error("the created object is not there");
      }),
    );
    report("lmdb and cache: durable creates, 32 writers, answer's bytes", rate, "/s");
    await cache.close();
  });
}

async function benchOpen(): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "bench-storage-"));
  const first = await openLmdbStorage(path);
  const count = 10_000;
  await createAll(256, count, (name) =>
    first.commit([{ key: `${prefix}default/${name}`, value: valueFromObject(configMap(name)) }]),
  );
  await first.close();
  const startMs = performance.now();
  const storage = await openLmdbStorage(path);
  const cache = await startWatchCache(storage, { clock: systemClock, log: silentLogger });
  report(`lmdb and cache: open with ${count.toLocaleString("en")} objects`, performance.now() - startMs, "ms");
  await cache.close();
  await storage.close();
  await rm(path, { recursive: true });
}

async function benchCache(): Promise<void> {
  const storage = new MemoryStorage();
  const cache = await startWatchCache(storage, { clock: systemClock, log: silentLogger });
  const resource = cache.resource(prefix);
  resource.addIndex("index", (object) => object.metadata.labels?.index);
  const put = (name: string, index: number) =>
    storage.commit([{ key: `${prefix}default/${name}`, value: valueFromObject(configMap(name, index)) }]);
  const objects = 10_000;
  const rate = await perSecond(objects, async () => {
    for (let index = 0; index < objects; index++) await put(`object-${index}`, index);
    await cache.waitFor(storage.revision);
  });
  report("cache: creates applied, nobody watching", rate, "/s");

  const updates = 2_000;
  const listRate = await perSecond(updates, async () => {
    for (let index = 0; index < updates; index++) {
      await put(`object-${index}`, index);
      await cache.waitFor(storage.revision);
      if (resource.list("default").length !== objects) throw new Error("an object is missing");
    }
  });
  report("cache: update, then a list of 10,000", listRate, "/s");

  for (const scoped of [false, true]) {
    const controller = new AbortController();
    let seen = 0;
    const watchers = Array.from({ length: 1_000 }, async (_, index) => {
      const scope = scoped ? { index: "index", value: String(index % 100) } : undefined;
      for await (const events of resource.watch(cache.revision, controller.signal, scope)) seen += events.length;
    });
    const watchedRate = await perSecond(updates, async () => {
      for (let index = 0; index < updates; index++) {
        await put(`object-${index}`, index);
        await cache.waitFor(storage.revision);
      }
    });
    report(
      `cache: updates, 1,000 watchers ${scoped ? "of which 10 are concerned" : "of everything"}`,
      watchedRate,
      "/s",
    );
    controller.abort();
    await Promise.all(watchers);
    if (seen === 0) throw new Error("the watchers saw nothing");
  }
  await cache.close();
}

await benchCommits();
await benchOpen();
await benchCache();
