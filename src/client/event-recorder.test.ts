import assert from "node:assert/strict";
import { test } from "node:test";
import { atRest, FaultyApi, pass } from "../../test/faulty-api.ts";
import {
  type Event,
  Events,
  forbidden,
  type KubeObject,
  type ResourceHandler,
  serviceUnavailable,
} from "../api/index.ts";
import { seededRandom, silentLogger, VirtualClock } from "../lib/index.ts";
import { createEventRecorder, inProcessClient } from "./index.ts";

const pod = (name = "web-1") =>
  ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "shop", uid: `uid-${name}`, resourceVersion: "7", creationTimestamp: "" },
  }) satisfies KubeObject;

async function scene(through: (api: FaultyApi) => ResourceHandler = (api) => api) {
  const api = await FaultyApi.start();
  const client = inProcessClient(through(api), { name: "tester", groups: [] });
  const clock = new VirtualClock();
  const stop = new AbortController();
  const recorder = createEventRecorder({
    client,
    clock,
    random: seededRandom(1),
    component: "kubelet",
    host: "node-1",
    log: silentLogger,
    signal: stop.signal,
  });
  const events = async (): Promise<readonly Event[]> => {
    await atRest();
    return (await client.list(Events)).items;
  };
  return { api, client, clock, stop, recorder, events };
}

test("an event says who saw what about which object", async () => {
  const { recorder, events } = await scene();
  recorder.normal(pod(), "Started", "Started container web", { fieldPath: "spec.containers{web}" });
  const [event] = await events();
  const { metadata, ...rest } = event!;
  assert.match(metadata.name, /^web-1\.[0-9a-f]{16}$/);
  assert.equal(metadata.namespace, "shop");
  assert.deepEqual(rest, {
    apiVersion: "v1",
    kind: "Event",
    involvedObject: {
      apiVersion: "v1",
      kind: "Pod",
      namespace: "shop",
      name: "web-1",
      uid: "uid-web-1",
      resourceVersion: "7",
      fieldPath: "spec.containers{web}",
    },
    type: "Normal",
    reason: "Started",
    message: "Started container web",
    source: { component: "kubelet", host: "node-1" },
    firstTimestamp: "2026-01-01T00:00:00Z",
    lastTimestamp: "2026-01-01T00:00:00Z",
    count: 1,
    reportingComponent: "kubelet",
    reportingInstance: "node-1",
    eventTime: null,
  });
});

test("events about cluster-scoped objects are in the namespace default", async () => {
  const { recorder, events } = await scene();
  const node: KubeObject = {
    kind: "Node",
    metadata: { name: "n2", uid: "n2", resourceVersion: "", creationTimestamp: "" },
  };
  recorder.normal(node, "Ready", "is");
  assert.deepEqual(
    (await events()).map((event) => event.metadata.namespace),
    ["default"],
  );
});

test("the same event again counts up the one that is there", async () => {
  const { api, clock, recorder, events } = await scene();
  recorder.warning(pod(), "BackOff", "Back-off restarting failed container");
  await pass(clock, 60_000);
  recorder.warning(pod(), "BackOff", "Back-off restarting failed container");
  const all = await events();
  assert.equal(all.length, 1);
  assert.equal(all[0]?.count, 2);
  assert.equal(all[0]?.firstTimestamp, "2026-01-01T00:00:00Z");
  assert.equal(all[0]?.lastTimestamp, "2026-01-01T00:01:00Z");
  assert.deepEqual(api.requests.at(-2)?.request.body, {
    count: 2,
    message: "Back-off restarting failed container",
    lastTimestamp: "2026-01-01T00:01:00Z",
  });
});

test("other reasons, messages, types and objects are other events", async () => {
  const { recorder, events } = await scene();
  recorder.normal(pod(), "Pulled", "a");
  recorder.normal(pod(), "Pulled", "b");
  recorder.normal(pod(), "Created", "a");
  recorder.warning(pod(), "Pulled", "a");
  recorder.normal(pod("web-2"), "Pulled", "a");
  assert.equal((await events()).length, 5);
});

test("repeats that come faster than they can be written are written together", async () => {
  const { api, recorder, events } = await scene();
  for (let i = 0; i < 20; i++) recorder.normal(pod(), "Pulled", "same");
  assert.equal((await events())[0]?.count, 20);
  assert.ok(api.count("patch", "events") + api.count("create", "events") <= 2);
});

test("many similar messages become one event from the tenth on", async () => {
  const { recorder, events } = await scene();
  for (let i = 1; i <= 15; i++) recorder.warning(pod(), "FailedMount", `attempt ${i}`);
  const all = await events();
  assert.equal(all.length, 10);
  const combined = all.find((event) => event.message?.startsWith("(combined from similar events): "));
  assert.equal(combined?.message, "(combined from similar events): attempt 15");
  assert.equal(combined?.count, 6);
});

test("more than 25 events about one object are dropped until five minutes each have passed", async () => {
  const { clock, recorder, events } = await scene();
  for (let i = 0; i < 40; i++) recorder.normal(pod(), `Reason${i}`, "x");
  recorder.normal(pod("quiet"), "Started", "x");
  assert.equal((await events()).length, 26);
  await pass(clock, 300_000);
  recorder.normal(pod(), "Late", "x");
  recorder.normal(pod(), "TooMuch", "x");
  assert.equal((await events()).length, 27);
});

test("a clock that is set back silences nobody", async () => {
  const { clock, recorder, events } = await scene();
  recorder.normal(pod(), "Pulled", "before");
  clock.leap(-86_400_000);
  recorder.normal(pod(), "Started", "after");
  assert.deepEqual(
    (await events()).map(({ message, lastTimestamp }) => `${lastTimestamp} ${message}`),
    ["2025-12-31T00:00:00Z after", "2026-01-01T00:00:00Z before"],
  );
});

test("an event whose time to live is over is made again", async () => {
  const { client, recorder, events } = await scene();
  recorder.normal(pod(), "Pulled", "a");
  const [first] = await events();
  await client.delete(Events, { namespace: "shop", name: first!.metadata.name });
  recorder.normal(pod(), "Pulled", "a");
  const [second] = await events();
  assert.equal(second?.count, 2);
});

test("a server that is away gets the events when it is back, a refusal is final", async () => {
  const { api, clock, recorder, events } = await scene();
  api.failure = () => serviceUnavailable("starting");
  recorder.normal(pod(), "Pulled", "a");
  await pass(clock, 5_000);
  api.failure = () => undefined;
  await pass(clock, 20_000);
  assert.equal((await events()).length, 1);
  api.failure = () => forbidden({ group: "", plural: "events" }, "", "being terminated");
  recorder.normal(pod(), "Created", "a");
  await pass(clock, 60_000);
  api.failure = () => undefined;
  await pass(clock, 60_000);
  assert.equal((await events()).length, 1);
});

test("an event that was made though the answer was lost is counted up like any other", async () => {
  const { clock, recorder, events } = await scene((api) => ({
    async handle(request, user) {
      const answer = await api.handle(request, user);
      if (request.verb === "create" && api.count("create", "events") === 1) throw new Error("the connection was lost");
      return answer;
    },
  }));
  recorder.normal(pod(), "Pulled", "a");
  await pass(clock, 5_000);
  recorder.normal(pod(), "Pulled", "a");
  assert.deepEqual(
    (await events()).map(({ count }) => count),
    [2],
  );
});

test("a name that leaves no room for a suffix gives an event with a name of its own", async () => {
  const { recorder, events } = await scene();
  recorder.normal(pod("a".repeat(250)), "Pulled", "a");
  assert.match((await events())[0]!.metadata.name, /^[0-9a-f-]{36}$/);
});

test("after its signal a recorder writes nothing", async () => {
  const { stop, recorder, events } = await scene();
  stop.abort();
  recorder.normal(pod(), "Pulled", "a");
  assert.equal((await events()).length, 0);
});
