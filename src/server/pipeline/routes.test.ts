import assert from "node:assert/strict";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import { ConfigMaps, type ResourceDefinition } from "../../api/index.ts";
import { PathNotFound } from "../path-not-found.ts";
import { ResourceRegistry } from "../registry.ts";
import { startTestServer, type TestServer } from "../server-for-tests.ts";

const Widgets: ResourceDefinition = {
  ...ConfigMaps,
  group: "example.com",
  kind: "Widget",
  plural: "widgets",
  subresources: [{ name: "status", group: "example.com", version: "v1", kind: "Widget", verbs: ["get", "update"] }],
};
const Worlds: ResourceDefinition = { ...Widgets, kind: "World", plural: "worlds", namespaced: false };
let server: TestServer;
aroundTests(
  async () => {
    server = await startTestServer({ registry: new ResourceRegistry([Widgets, Worlds]) });
  },
  () => server.close(),
);

test("a custom resource where it is not is a path that nothing serves", async () => {
  for (const asked of [
    server.send("get", Widgets, { name: "w" }),
    server.send("create", Widgets, { body: {} }),
    server.send("get", Widgets, { name: "w", subresource: "status" }),
    server.send("get", Worlds, { name: "w", namespace: "default" }),
    server.send("list", Worlds, { namespace: "default" }),
    server.send("list", { ...Widgets, plural: "gone" }, {}),
  ])
    await assert.rejects(asked, PathNotFound);
  assert.deepEqual((await server.list(Widgets)).items, []);
});

test("what lies below a custom resource and is not served is missed by the name of the object, a verb by its own", async () => {
  const below = (subresource: string) => ({ namespace: "default", name: "w", subresource });
  await assert.rejects(server.send("get", Widgets, below("scale")), {
    code: 404,
    message: 'widgets.example.com "w" not found',
  });
  await assert.rejects(server.send("create", Widgets, { ...below("status"), body: {} }), {
    code: 405,
    message: 'create is not supported on resources of kind "widgets.example.com"',
  });
});
