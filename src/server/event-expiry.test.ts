import assert from "node:assert/strict";
import { test } from "node:test";
import { type Event, Events, EventsV1, type NewObject } from "../api/index.ts";
import { silentLogger } from "../lib/index.ts";
import { type Change, MemoryStorage } from "../storage/index.ts";
import { expireEvents } from "./event-expiry.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "./server-for-tests.ts";

const hour = 3_600_000;
const minute = 60_000;
const namespace = "default";

function event(name: string): NewObject<Event> {
  return { metadata: { name, namespace }, involvedObject: { kind: "Pod", namespace, name: "web" }, reason: "Started" };
}

async function withExpiry(run: (server: TestServer) => Promise<void>, options: TestServerOptions = {}): Promise<void> {
  const server = await startTestServer(options);
  const stop = new AbortController();
  const { cache, storage, clock } = server;
  const expiry = expireEvents({ cache, storage, clock, log: silentLogger, signal: stop.signal });
  await run(server);
  stop.abort();
  await expiry;
}

const names = async (server: TestServer) =>
  (await server.list(Events, { namespace })).items.map(({ metadata }) => metadata.name);

test("an event is gone an hour after it was last written, in both versions", async () => {
  await withExpiry(async (server) => {
    const { clock } = server;
    await server.send("create", Events, { namespace, body: event("old") });
    await clock.advance(30 * minute);
    await server.send("create", Events, { namespace, body: event("young") });
    await server.send("create", Events, { namespace, body: event("repeated") });
    await clock.advance(29 * minute);
    assert.deepEqual(await names(server), ["old", "repeated", "young"]);
    const patch = { patchType: "application/merge-patch+json", body: { count: 2 } } as const;
    await server.send("patch", Events, { namespace, name: "repeated", ...patch });
    await clock.advance(2 * minute);
    assert.deepEqual(await names(server), ["repeated", "young"]);
    await clock.advance(30 * minute);
    assert.deepEqual(await names(server), ["repeated"]);
    assert.equal((await server.list(EventsV1, { namespace })).items.length, 1);
    await clock.advance(30 * minute);
    assert.deepEqual(await names(server), []);
    await server.close();
  });
});

test("the hour goes on across a restart, and a watcher hears of the end", async () => {
  const first = await startTestServer();
  await first.send("create", Events, { namespace, body: event("old") });
  const { storage, clock } = first;
  await clock.advance(59 * minute);
  await first.cache.close();
  await withExpiry(
    async (server) => {
      const stop = new AbortController();
      const watch = await server.watch(Events, { namespace, signal: stop.signal, options: { resourceVersion: "1" } });
      await server.clock.advance(2 * minute);
      const { value } = await watch.next();
      assert.deepEqual([value.type, value.object.metadata.name], ["DELETED", "old"]);
      stop.abort();
      await server.close();
    },
    { storage, clock },
  );
});

test("many events end in few commits", async () => {
  const commits: number[] = [];
  const storage = new (class extends MemoryStorage {
    override commit(changes: readonly Change[]) {
      commits.push(changes.length);
      return super.commit(changes);
    }
  })();
  await withExpiry(
    async (server) => {
      for (let at = 0; at < 250; at++) await server.send("create", Events, { namespace, body: event(`e${at}`) });
      commits.length = 0;
      await server.clock.advance(hour + minute);
      assert.deepEqual(await names(server), []);
      assert.deepEqual(commits, [100, 100, 50]);
      await server.close();
    },
    { storage },
  );
});
