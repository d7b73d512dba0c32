import assert from "node:assert/strict";
import { test } from "node:test";
import { atRest, FaultyApi, pass } from "../../test/faulty-api.ts";
import { type ConfigMap, ConfigMaps, conflict, Namespaces, type ResourceReference, Secrets } from "../api/index.ts";
import { seededRandom, silentLogger, sleep, VirtualClock } from "../lib/index.ts";
import {
  also,
  type Client,
  type ControllerDefinition,
  defineController,
  InformerSet,
  inProcessClient,
  type ReconcileOutcome,
  runControllers,
} from "./index.ts";

const map = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  data,
});

interface Running {
  readonly api: FaultyApi;
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly informers: InformerSet;
  readonly outcomes: ReconcileOutcome[];
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

async function run(...controllers: ControllerDefinition[]): Promise<Running> {
  return await runOn(await FaultyApi.start(), controllers);
}

async function runOn(api: FaultyApi, controllers: readonly ControllerDefinition[]): Promise<Running> {
  const client = inProcessClient(api, { name: "tester", groups: [] });
  const clock = new VirtualClock();
  const stop = new AbortController();
  const environment = { client, clock, random: seededRandom(1), log: silentLogger, signal: stop.signal };
  const informers = new InformerSet(environment);
  const outcomes: ReconcileOutcome[] = [];
  const ended = runControllers({
    controllers,
    informers,
    ...environment,
    observe: (_controller, outcome) => outcomes.push(outcome),
  });
  await atRest();
  return { api, client, clock, informers, outcomes, stop, ended };
}

function counting(reconcile: ControllerDefinition["reconcile"]) {
  const keys: string[] = [];
  const definition = defineController({
    name: "counting",
    watches: { for: ConfigMaps },
    reconcile(context, key) {
      keys.push(key);
      return reconcile(context, key);
    },
  });
  return { keys, definition };
}

test("every object is a key, and a change makes it one again", async () => {
  const { keys, definition } = counting(async () => {});
  const { client, clock } = await run(definition);
  await client.create(ConfigMaps, map("a"));
  await pass(clock, 100);
  await client.update(ConfigMaps, map("a", { k: "1" }));
  await client.create(ConfigMaps, map("b"));
  await pass(clock, 100);
  await client.delete(ConfigMaps, { namespace: "default", name: "b" });
  await atRest();
  assert.deepEqual(keys, ["default/a", "default/a", "default/b", "default/b"]);
});

test("changes that come while a key waits are reconciled once", async () => {
  const finish: (() => void)[] = [];
  const { keys, definition } = counting((_context, key) =>
    key === "default/first" ? new Promise<void>((resolve) => finish.push(resolve)) : Promise.resolve(),
  );
  const { client } = await run({ ...definition, concurrency: 1 });
  await client.create(ConfigMaps, map("first"));
  await atRest();
  await client.create(ConfigMaps, map("a"));
  for (let i = 0; i < 5; i++) await client.update(ConfigMaps, map("a", { k: String(i) }));
  await atRest();
  finish[0]?.();
  await atRest();
  assert.deepEqual(keys, ["default/first", "default/a"]);
});

test("a burst of changes is answered at once, and then once more", async () => {
  const { keys, definition } = counting(async () => {});
  const { client, clock } = await run(definition);
  await client.create(ConfigMaps, map("a"));
  await atRest();
  assert.equal(keys.length, 1);
  for (let i = 0; i < 10; i++) await client.update(ConfigMaps, map("a", { k: String(i) }));
  await atRest();
  assert.equal(keys.length, 1);
  await pass(clock, 20);
  assert.equal(keys.length, 2);
});

test("keys that are never left in peace rest longer where there are many", async () => {
  const perSecond = async (names: readonly string[]) => {
    const { keys, definition } = counting(({ clock, signal }) => sleep(clock, 5, signal));
    const { client, clock, stop } = await run({ ...definition, concurrency: names.length });
    for (const name of names) await client.create(ConfigMaps, map(name));
    const changeFor = async (seconds: number) => {
      for (let round = 0; round < seconds * 25; round++) {
        for (const name of names) await client.update(ConfigMaps, map(name, { at: String(clock.monotonicMs()) }));
        await pass(clock, 40);
      }
    };
    await changeFor(2); // until they rest as long as they ever do
    const before = keys.length;
    await changeFor(4);
    stop.abort();
    return (keys.length - before) / names.length / 4;
  };
  assert.equal(await perSecond(["a"]), 5);
  assert.equal(await perSecond(Array.from({ length: 20 }, (_, index) => `map-${index}`)), 2);
});

test("what is not finished goes on at once", async () => {
  const { keys, definition } = counting(async () => (keys.length < 5 ? { afterMs: 0 } : undefined));
  const { client } = await run(definition);
  await client.create(ConfigMaps, map("a"));
  await atRest();
  assert.equal(keys.length, 5);
});

test("one key is never reconciled twice at once, and not forgotten either", async () => {
  let running = 0;
  const finish: (() => void)[] = [];
  const { keys, definition } = counting(async () => {
    assert.equal(++running, 1);
    await new Promise<void>((resolve) => finish.push(resolve));
    running--;
  });
  const { client, clock } = await run(definition);
  await client.create(ConfigMaps, map("a"));
  await pass(clock, 100);
  await client.update(ConfigMaps, map("a", { k: "1" }));
  await pass(clock, 100);
  assert.equal(keys.length, 1);
  finish[0]?.();
  await pass(clock, 200);
  assert.equal(keys.length, 2);
});

test("no more keys at once than the controller's concurrency", async () => {
  let running = 0;
  let most = 0;
  const finish: (() => void)[] = [];
  const { keys, definition } = counting(async () => {
    most = Math.max(most, ++running);
    await new Promise<void>((resolve) => finish.push(resolve));
    running--;
  });
  const { client } = await run({ ...definition, concurrency: 3 });
  for (let i = 0; i < 10; i++) await client.create(ConfigMaps, map(`m${i}`));
  await atRest();
  assert.equal(running, 3);
  while (finish.length > 0) {
    finish.shift()?.();
    await atRest();
  }
  assert.equal(keys.length, 10);
  assert.equal(most, 3);
});

test("a reconcile that throws is tried again after 5 ms, 10 ms, 20 ms, … and at once when the object changes", async () => {
  let failing = true;
  const at: number[] = [];
  let clock: VirtualClock | undefined;
  const { definition } = counting(async () => {
    at.push(clock?.monotonicMs() ?? 0);
    if (failing) throw new Error("no");
  });
  const running = await run(definition);
  clock = running.clock;
  await running.client.create(ConfigMaps, map("a"));
  await pass(clock, 100);
  assert.deepEqual(at, [0, 5, 15, 35, 75]);
  failing = false;
  await running.client.update(ConfigMaps, map("a", { k: "1" }));
  await atRest();
  assert.equal(at.length, 6);
  await pass(clock, 3_600_000);
  assert.equal(at.length, 6);
  assert.deepEqual(running.outcomes, ["error", "error", "error", "error", "error", "done"]);
});

test("pauses after failures stay below five minutes", async () => {
  const at: number[] = [];
  let clock: VirtualClock | undefined;
  const { definition } = counting(async () => {
    at.push(clock?.monotonicMs() ?? 0);
    throw conflict(ConfigMaps, "a");
  });
  const running = await run(definition);
  clock = running.clock;
  await running.client.create(ConfigMaps, map("a"));
  await pass(clock, 3_600_000);
  assert.equal(at.at(-1)! - at.at(-2)!, 300_000);
});

test("afterMs asks for another look then, unless something changes before", async () => {
  const { keys, definition } = counting(async () => (keys.length < 3 ? { afterMs: 1_000 } : undefined));
  const { client, clock } = await run(definition);
  await client.create(ConfigMaps, map("a"));
  await pass(clock, 600);
  await client.update(ConfigMaps, map("a", { k: "1" }));
  await pass(clock, 900);
  assert.equal(keys.length, 2);
  await pass(clock, 100);
  assert.equal(keys.length, 3);
  await pass(clock, 3_600_000);
  assert.equal(keys.length, 3);
});

test("owners are reconciled when what they own changes, the former one too", async () => {
  const keys: string[] = [];
  const { client, clock } = await run(
    defineController({
      name: "owner",
      watches: { for: ConfigMaps, owns: [Secrets] },
      async reconcile(_context, key) {
        keys.push(key);
      },
    }),
  );
  const owned = (owner: string, apiVersion = "v1") => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: "s",
      namespace: "default",
      ownerReferences: [{ apiVersion, kind: "ConfigMap", name: owner, uid: owner, controller: true }],
    },
  });
  await client.create(Secrets, owned("a"));
  await pass(clock, 100);
  assert.deepEqual(keys.splice(0), ["default/a"]);
  await client.update(Secrets, owned("b"));
  await pass(clock, 100);
  assert.deepEqual(keys.splice(0), ["default/b", "default/a"]);
  await client.update(Secrets, owned("b", "other/v1"));
  await pass(clock, 100);
  assert.deepEqual(keys.splice(0), ["default/b"]);
});

test("other kinds give the keys that the controller says, with the old state at hand", async () => {
  const keys: string[] = [];
  const { client, clock } = await run(
    defineController({
      name: "also",
      watches: {
        also: [
          also<ConfigMap>(ConfigMaps, (object, _cache, old) =>
            [object, old].flatMap((each) => (each?.data?.for ? [each.data.for] : [])),
          ),
        ],
      },
      async reconcile(_context, key) {
        keys.push(key);
      },
    }),
  );
  await client.create(ConfigMaps, map("a", { for: "x" }));
  await pass(clock, 100);
  await client.update(ConfigMaps, map("a", { for: "y" }));
  await pass(clock, 100);
  assert.deepEqual(keys, ["x", "y", "x"]);
});

test("a controller whose cache lags does not create twice", async () => {
  const { keys, definition } = counting(async ({ client, cache }, key) => {
    if (key !== "default/want" || cache.list(Secrets, "default").length >= 2) return;
    const name = `s${cache.list(Secrets, "default").length}-${keys.length}`;
    await client.create(Secrets, { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" } });
  });
  const { api, client, clock } = await run({
    ...definition,
    watches: { for: ConfigMaps, also: [also(Secrets, () => ["default/want"])] },
  });
  api.hold();
  // The watch of ConfigMaps is not what lags.
  await client.create(ConfigMaps, map("want"));
  api.release();
  api.hold();
  await pass(clock, 100);
  assert.equal(api.count("create", "secrets"), 1);
  await pass(clock, 5_000);
  assert.equal(api.count("create", "secrets"), 1);
  api.release();
  await pass(clock, 100);
  assert.equal(api.count("create", "secrets"), 2);
});

test("a controller whose cache lags does not choose twice what to delete", async () => {
  const { definition } = counting(async ({ client, cache }) => {
    const secrets = cache.list(Secrets, "default");
    if (secrets.length <= 2) return;
    await client.delete(Secrets, { namespace: "default", name: secrets[0]!.metadata.name });
  });
  const { api, client, clock } = await run({
    ...definition,
    watches: { also: [also(Secrets, () => ["only"])] },
  });
  api.hold();
  for (const name of ["a", "b", "c"]) {
    await client.create(Secrets, { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" } });
  }
  api.release();
  api.hold();
  await pass(clock, 100);
  assert.equal(api.count("delete", "secrets"), 1);
  api.release();
  await pass(clock, 100);
  assert.equal(api.count("delete", "secrets"), 1);
});

test("a cache that does not catch up holds a key for five minutes, not for ever", async () => {
  const { keys, definition } = counting(async ({ client }) => {
    await client.patch(ConfigMaps, { namespace: "default", name: "a" }, { data: { n: String(keys.length) } });
    return keys.length < 2 ? { afterMs: 1 } : undefined;
  });
  const { api, client, clock } = await run(definition);
  await client.create(ConfigMaps, map("a"));
  api.hold();
  await pass(clock, 299_000);
  assert.equal(keys.length, 1);
  await pass(clock, 2_000);
  assert.equal(keys.length, 2);
});

test("a kind that is not served any more holds no key that wrote to it", async () => {
  const { keys, definition } = counting(async ({ client }) => {
    await client.patch(
      Secrets,
      { namespace: "default", name: "a" },
      { metadata: { labels: { n: `n${keys.length}` } } },
    );
  });
  const { api, client, clock, informers } = await run({
    ...definition,
    watches: { for: ConfigMaps, also: [also(Secrets, () => [])] },
  });
  await client.create(Secrets, { apiVersion: "v1", kind: "Secret", metadata: { name: "a", namespace: "default" } });
  await client.create(ConfigMaps, map("a"));
  api.hold();
  await atRest();
  informers.drop(Secrets);
  api.release();
  await client.update(ConfigMaps, map("a", { k: "1" }));
  await pass(clock, 1_000);
  assert.equal(keys.length, 2);
});

test("start is called once, when the caches are filled, and its keys are reconciled", async () => {
  const keys: string[] = [];
  await run(
    defineController({
      name: "starter",
      watches: { also: [also(Secrets, () => [])] },
      start: ({ cache }, enqueue) => {
        assert.equal(cache.list(Secrets).length, 0);
        enqueue("first");
      },
      async reconcile(_context, key) {
        keys.push(key);
      },
    }),
  );
  assert.deepEqual(keys, ["first"]);
});

test("controllers start in their order, and wait only a moment for one that cannot read", async () => {
  const started: string[] = [];
  const starting = (name: string, resource: ResourceReference) =>
    defineController({
      name,
      watches: { for: resource },
      start: () => {
        started.push(name);
      },
      async reconcile() {},
    });
  const api = await FaultyApi.start();
  api.failure = ({ plural }) => (plural === "secrets" ? new Error("not served") : undefined);
  const controllers = [starting("first", ConfigMaps), starting("unreadable", Secrets), starting("last", Namespaces)];
  const { clock } = await runOn(api, controllers);
  assert.deepEqual(started, ["first"]);
  assert.equal(api.count("list", "namespaces"), 0);
  await pass(clock, 100);
  assert.deepEqual(started, ["first", "last"]);
  api.failure = () => undefined;
  await pass(clock, 30_000);
  assert.deepEqual(started, ["first", "last", "unreadable"]);
});

test("stopping lets the running reconcile end, begins none and leaves nothing to do", async () => {
  let finish: (() => void) | undefined;
  const { keys, definition } = counting(async ({ signal }) => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    assert.ok(signal.aborted);
  });
  const { client, clock, stop, ended } = await run({ ...definition, concurrency: 1 });
  await client.create(ConfigMaps, map("a"));
  await client.create(ConfigMaps, map("b"));
  await atRest();
  stop.abort();
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await atRest();
  assert.equal(over, false);
  finish?.();
  await ended;
  await pass(clock, 3_600_000);
  assert.deepEqual(keys, ["default/a"]);
});

test("nothing runs at rest", async () => {
  const { keys, definition } = counting(async () => {});
  const { api, client, clock } = await run(definition);
  await client.create(ConfigMaps, map("a"));
  await atRest();
  const requests = api.requests.length;
  await pass(clock, 24 * 3_600_000);
  assert.equal(keys.length, 1);
  assert.equal(api.requests.length, requests);
});
