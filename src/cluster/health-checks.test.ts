import assert from "node:assert/strict";
import { test } from "node:test";
import { startHttpsServer } from "../../test/https-server.ts";
import { silentLogger, VirtualClock } from "../lib/index.ts";
import { MemoryStorage, startWatchCache } from "../storage/index.ts";
import { type HealthSubjects, healthChecks } from "./health-checks.ts";

async function serverWith(t: { after(done: () => Promise<void>): void }, subjects: Partial<HealthSubjects> = {}) {
  const clock = new VirtualClock();
  const storage = new MemoryStorage();
  const cache = await startWatchCache(storage, { clock, log: silentLogger });
  const stopping = new AbortController();
  const logged: unknown[] = [];
  const https = await startHttpsServer({
    healthChecks: healthChecks({ storage, cache, clock, stopping: stopping.signal, ...subjects }),
    httpLog: { ...silentLogger, info: (_, fields) => void logged.push(fields) },
  });
  t.after(async () => {
    await https.close();
    await cache.close();
    await storage.close();
  });
  return { https, clock, stopping, logged };
}

test("livez and readyz tell what they look at, under the names that Kubernetes gives", async (t) => {
  const { https } = await serverWith(t);
  const text = async (path: string) => (await https.send("GET", path)).text;
  const checks = async (path: string) =>
    (await text(`${path}?verbose`)).split("\n").filter((line) => !/poststarthook|autoregister/.test(line));
  assert.deepEqual(await checks("/livez"), ["[+]ping ok", "[+]log ok", "[+]etcd ok", "livez check passed", ""]);
  assert.deepEqual(await checks("/healthz"), ["[+]ping ok", "[+]log ok", "[+]etcd ok", "healthz check passed", ""]);
  assert.deepEqual(await checks("/readyz"), [
    "[+]ping ok",
    "[+]log ok",
    "[+]etcd ok",
    "[+]etcd-readiness ok",
    "[+]informer-sync ok",
    "[+]shutdown ok",
    "readyz check passed",
    "",
  ]);
  for (const path of ["/livez", "/healthz", "/readyz"])
    assert.match(await text(`${path}?verbose=1`), /^\[\+\]poststarthook\/crd-informer-synced ok\n/m);
  for (const path of ["/healthz", "/livez", "/readyz", "/livez/etcd", "/readyz/informer-sync", "/readyz/shutdown"])
    assert.equal(await text(path), "ok", path);
  assert.equal((await https.send("GET", "/livez/shutdown")).status, 404);
  assert.match(await text("/readyz?verbose&exclude=etcd"), /^\[\+\]etcd excluded: ok$/m);
});

test("a server that is asked to end is alive, and not ready, as long as it listens", async (t) => {
  const { https, stopping, logged } = await serverWith(t);
  assert.equal((await https.send("GET", "/readyz")).status, 200);
  stopping.abort();
  const { status, text } = await https.send("GET", "/readyz");
  assert.equal(status, 500);
  assert.match(text, /^\[-\]shutdown failed: reason withheld$/m);
  assert.equal((await https.send("GET", "/readyz/shutdown")).text, "internal server error: process is shutting down\n");
  assert.equal((await https.send("GET", "/livez")).status, 200);
  assert.deepEqual(logged, [{ endpoint: "readyz", check: "shutdown", error: "process is shutting down" }]);
});

test("a storage that does not answer makes the server neither alive nor ready", async (t) => {
  let asked = () => {};
  const silent = { revision: 1, range: () => new Promise<never>(() => asked()) };
  const { https, clock } = await serverWith(t, { storage: silent });
  for (const [path, failed] of [
    ["/livez", "etcd"],
    ["/readyz?exclude=etcd&exclude=informer-sync", "etcd-readiness"],
  ] as const) {
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const answer = https.send("GET", path);
    await isAsked;
    await clock.advance(2_000);
    assert.equal((await answer).status, 500);
    assert.match((await answer).text, new RegExp(`^\\[-\\]${failed} failed`, "m"));
  }
});

test("a cache that is behind the storage keeps the server from being ready", async (t) => {
  let asked = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const behind = {
    waitFor: () => {
      asked();
      return new Promise<never>(() => {});
    },
  };
  const { https, clock } = await serverWith(t, { cache: behind });
  const answer = https.send("GET", "/readyz");
  await isAsked;
  await clock.advance(2_000);
  assert.match((await answer).text, /^\[-\]informer-sync failed: reason withheld$/m);
  assert.equal((await https.send("GET", "/livez")).status, 200);
});
