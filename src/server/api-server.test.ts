import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, LocalSubjectAccessReviews, type Status } from "../api/index.ts";
import type { CreateHandlers, CreateRequest } from "./create-handler.ts";
import { startTestServer } from "./server-for-tests.ts";

const inDefault = { namespace: "default" };
const named = (name: string) => ({ namespace: "default", name });
const configMap = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});

test("an object is created, read, listed, updated and deleted", async () => {
  const server = await startTestServer();
  const created = await server.send("create", ConfigMaps, { ...inDefault, body: configMap("a", { k: "1" }) });
  assert.equal(created.metadata.namespace, "default");
  assert.equal(created.metadata.creationTimestamp, "2026-01-01T00:00:00Z");
  assert.match(created.metadata.uid, /^[0-9a-f-]{36}$/);
  assert.deepEqual(await server.send("get", ConfigMaps, named("a")), created);
  const list = await server.list(ConfigMaps, inDefault);
  assert.equal(list.kind, "ConfigMapList");
  assert.deepEqual(list.items, [created]);
  const updated = await server.send("update", ConfigMaps, { ...named("a"), body: { ...created, data: { k: "2" } } });
  assert.deepEqual(updated.data, { k: "2" });
  assert.notEqual(updated.metadata.resourceVersion, created.metadata.resourceVersion);
  await assert.rejects(server.send("update", ConfigMaps, { ...named("a"), body: { ...created, data: { k: "3" } } }), {
    message: /the object has been modified; please apply your changes to the latest version/,
  });
  const gone = (await server.send("delete", ConfigMaps, named("a"))) as unknown as Status;
  assert.equal(gone.status, "Success");
  await assert.rejects(server.send("get", ConfigMaps, named("a")), { message: 'configmaps "a" not found' });
  await server.close();
});

test("a watch tells what happens after its resourceVersion", async () => {
  const server = await startTestServer();
  const list = await server.list(ConfigMaps, inDefault);
  const stop = new AbortController();
  const events = await server.watch(ConfigMaps, {
    ...inDefault,
    options: { resourceVersion: list.metadata.resourceVersion! },
    signal: stop.signal,
  });
  await server.send("create", ConfigMaps, { ...inDefault, body: configMap("a") });
  await server.send("delete", ConfigMaps, named("a"));
  const first = await events.next();
  assert.equal(first.value?.type, "ADDED");
  const second = await events.next();
  assert.equal(second.value?.type, "DELETED");
  assert.equal(second.value?.object.metadata.resourceVersion, "2");
  stop.abort();
  assert.equal((await events.next()).done, true);
  await server.close();
});

test("what is answered and not stored stands in the namespace of its request", async () => {
  const createHandlers: CreateHandlers = new Map([
    ["localsubjectaccessreviews.authorization.k8s.io", ({ object }: CreateRequest) => object],
  ]);
  const server = await startTestServer({ createHandlers });
  const create = (metadata?: object) =>
    server.send("create", LocalSubjectAccessReviews, {
      ...inDefault,
      body: { ...(metadata && { metadata }), spec: {} },
    });
  assert.equal((await create()).metadata.namespace, "default");
  await assert.rejects(create({ namespace: "green" }), {
    message: "the namespace of the provided object does not match the namespace sent on the request",
  });
  await server.close();
});
