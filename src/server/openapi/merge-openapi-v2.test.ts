import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeOpenApiV2 } from "./merge-openapi-v2.ts";
import type { OpenApiV2Document } from "./openapi-v2.ts";
import { openApiV2Protobuf } from "./openapi-v2-protobuf.ts";

const own: OpenApiV2Document = {
  swagger: "2.0",
  info: { title: "own", version: "v1" },
  paths: { "/api/v1/pods": {} },
  definitions: { Meta: { type: "object" }, Same: { type: "string" } },
  securityDefinitions: {},
  security: [],
};
const get = (name: string) => ({
  get: { responses: { 200: { description: "OK", schema: { $ref: `#/definitions/${name}` } } } },
});
const content = {
  paths: { "/apis/a.io/v1/things": get("Thing"), "/apis/b.io/v1/others": get("Other"), "/api/v1/pods": get("Pod") },
  definitions: {
    Thing: {
      type: "object",
      properties: { meta: { $ref: "#/definitions/Meta" }, same: { $ref: "#/definitions/Same" } },
    },
    Meta: { type: "object", description: "theirs", properties: { parent: { $ref: "#/definitions/Meta" } } },
    Same: { type: "string" },
    Other: { type: "object" },
  },
};

test("only the paths of the group version and what they need are taken from another server's document", () => {
  const merged = mergeOpenApiV2(own, [{ groupVersion: "a.io/v1", content }]);
  assert.deepEqual(Object.keys(merged.paths), ["/api/v1/pods", "/apis/a.io/v1/things"]);
  assert.deepEqual(merged.paths["/api/v1/pods"], {});
  assert.deepEqual(Object.keys(merged.definitions), ["Meta", "Same", "Thing", "Meta_v2"]);
});

test("a definition that means something else there gets a name of its own, wherever it is named", () => {
  const { definitions } = mergeOpenApiV2(own, [{ groupVersion: "a.io/v1", content }]);
  assert.deepEqual(definitions.Meta, { type: "object" });
  assert.deepEqual(definitions.Meta_v2?.properties, { parent: { $ref: "#/definitions/Meta_v2" } });
  assert.deepEqual(definitions.Thing?.properties, {
    meta: { $ref: "#/definitions/Meta_v2" },
    same: { $ref: "#/definitions/Same" },
  });
});

test("what another server leaves out does not break the form that clients of Go read", () => {
  const merged = mergeOpenApiV2(own, [{ groupVersion: "a.io/v1", content }]);
  assert.match(Buffer.from(openApiV2Protobuf(merged)).toString("latin1"), /\/apis\/a\.io\/v1\/things/);
});
