import assert from "node:assert/strict";
import { test } from "node:test";
import { ResourceRegistry } from "../registry.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { openApiRoute } from "./openapi.ts";

test("nothing is kept of a path below /openapi/v3 that nobody serves", async (t) => {
  const route = openApiRoute(new ResourceRegistry(), undefined);
  const kept = t.mock.method(Map.prototype, "set");
  const path = "/openapi/v3/apis/made.up/v1";
  const request = { path, header: () => undefined } as unknown as HttpRequest; // no more of it is asked for
  assert.equal(await route(request, {} as HttpResponse, new URLSearchParams()), false);
  const keys = kept.mock.calls.map(({ arguments: [key] }) => key);
  assert.ok(!keys.includes(path));
});
