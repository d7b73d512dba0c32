// What conformance asks of events, and of the objects of API priority and fairness.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import {
  Events,
  EventsV1,
  type FlowSchema,
  type FlowSchemaSpec,
  FlowSchemas,
  Namespaces,
  type PriorityLevelConfigurationSpec,
  PriorityLevelConfigurations,
  type ResourceReference,
} from "../../api/index.ts";
import { deepCopy } from "../../lib/index.ts";
import { startTestServer, type TestServer } from "../server-for-tests.ts";

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const namespace = "events-test";
const labels = { "testevent-constant": "true" };
const labelSelector = "testevent-constant=true";
const mergePatch = { patchType: "application/merge-patch+json" } as const;
const eventTime = "2026-01-01T00:00:00.000000Z";

test("Event, manage lifecycle of an Event", async () => {
  await server.send("create", Namespaces, { body: { metadata: { name: namespace } } });
  const involvedObject = { kind: "Pod", namespace, name: "a" };
  const body = {
    metadata: { name: "event-test", labels },
    involvedObject,
    reason: "Test",
    message: "first",
    type: "Normal",
  };
  await server.send("create", Events, { namespace, body });
  const everywhere = () => server.list(Events, { options: { labelSelector } });
  assert.equal((await everywhere()).items.length, 1);
  const target = { namespace, name: "event-test" };
  await server.send("patch", Events, { ...target, ...mergePatch, body: { message: "patched" } });
  const patched = await server.send("get", Events, target);
  assert.equal(patched.message, "patched");
  const series = { count: 100, lastObservedTime: eventTime };
  await server.send("update", Events, { ...target, body: { ...structuredClone(patched), series } });
  assert.deepEqual((await server.send("get", Events, target)).series, series);
  await server.send("delete", Events, target);
  assert.deepEqual((await everywhere()).items, []);
});

test("New Event resource lifecycle, testing a single event", async () => {
  const regarding = { kind: "Pod", namespace, name: "a" };
  const body = {
    metadata: { name: "event-test", labels },
    regarding,
    eventTime,
    note: "first",
    action: "Do",
    reason: "Test",
    type: "Normal",
    reportingController: "test-controller",
    reportingInstance: "test-node",
  };
  await server.send("create", EventsV1, { namespace, body });
  const everywhere = () => server.list(EventsV1, { options: { labelSelector } });
  assert.equal((await everywhere()).items.length, 1);
  assert.equal((await server.list(EventsV1, { namespace, options: { fieldSelector: "reason=Test" } })).items.length, 1);
  const target = { namespace, name: "event-test" };
  const series = { count: 2, lastObservedTime: eventTime };
  await server.send("patch", EventsV1, { ...target, ...mergePatch, body: { series } });
  const patched = await server.send("get", EventsV1, target);
  assert.deepEqual(patched.series, series);
  const more = { count: 100, lastObservedTime: eventTime };
  await server.send("update", EventsV1, { ...target, body: { ...structuredClone(patched), series: more } });
  assert.deepEqual((await server.send("get", EventsV1, target)).series, more);
  await server.send("delete", EventsV1, target);
  assert.deepEqual((await everywhere()).items, []);
});

const schemaSpec: FlowSchemaSpec = {
  matchingPrecedence: 10_000,
  priorityLevelConfiguration: { name: "global-default" },
  distinguisherMethod: { type: "ByUser" },
  rules: [
    {
      subjects: [{ kind: "User", user: { name: "example-e2e-non-existent-user" } }],
      nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
    },
  ],
};
const levelSpec: PriorityLevelConfigurationSpec = {
  type: "Limited",
  limited: { nominalConcurrencyShares: 2, limitResponse: { type: "Reject" } },
};

for (const [title, resource, spec, change] of [
  ["Priority and Fairness FlowSchema API", FlowSchemas, schemaSpec, { matchingPrecedence: 9_999 }],
  [
    "Priority and Fairness PriorityLevelConfiguration API",
    PriorityLevelConfigurations,
    levelSpec,
    { limited: { nominalConcurrencyShares: 4 } },
  ],
] as const)
  test(`${title}: it supports create, get, list, watch, update, patch, delete, deletecollection and its status`, async () => {
    // Either kind is sent the same requests, and read are only the fields that both have.
    const kind = resource as ResourceReference<FlowSchema>;
    const stop = new AbortController();
    const watch = await server.watch(kind, { signal: stop.signal, options: { labelSelector: "special-label=a" } });
    const create = (name: string, label: string) =>
      server.send("create", kind, { body: { metadata: { name, labels: { "special-label": label } }, spec } });
    await create("one", "a");
    for (const name of ["two", "three"]) await create(name, "b");
    const target = { name: "one" };
    const seen = async () => (await watch.next()).value.type;
    assert.equal(await seen(), "ADDED");
    assert.equal((await server.list(kind, { options: { labelSelector: "special-label=b" } })).items.length, 2);
    await server.send("patch", kind, {
      ...target,
      ...mergePatch,
      body: { metadata: { annotations: { patched: "true" } }, spec: change },
    });
    assert.equal(await seen(), "MODIFIED");
    const patched = deepCopy(await server.send("get", kind, target));
    assert.equal(patched.metadata.annotations?.patched, "true");
    patched.metadata.annotations = { ...patched.metadata.annotations, updated: "true" };
    await server.send("update", kind, { ...target, body: patched });
    assert.equal(await seen(), "MODIFIED");
    const status = { ...target, subresource: "status" };
    const condition = { type: "PatchStatusFailed", status: "False", reason: "E2E" };
    await server.send("patch", kind, { ...status, ...mergePatch, body: { status: { conditions: [condition] } } });
    const withStatus = deepCopy(await server.send("get", kind, status));
    assert.equal(withStatus.status.conditions?.[0]?.type, "PatchStatusFailed");
    withStatus.status.conditions?.push({ ...condition, type: "StatusUpdateFailed" });
    await server.send("update", kind, { ...status, body: withStatus });
    assert.equal((await server.send("get", kind, status)).status.conditions?.length, 2);
    await server.send("delete", kind, target);
    await assert.rejects(server.send("get", kind, target), /not found/);
    await server.serve("deletecollection", kind, { options: { labelSelector: "special-label=b" } });
    assert.deepEqual((await server.list(kind, { options: { labelSelector: "special-label=b" } })).items, []);
    stop.abort();
  });
