import assert from "node:assert/strict";
import { test } from "node:test";
import { ResourceRegistry } from "../registry.ts";
import type { ExtensionServers } from "./extension-servers.ts";
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

/** What the route answers when other servers say this of themselves. */
async function told(path: "/openapi/v2" | "/openapi/v3", others: Readonly<Record<string, unknown>>) {
  const documents = Object.entries(others).map(([groupVersion, content]) => ({ groupVersion, content }));
  const extensions = { openApi: async () => documents } as unknown as ExtensionServers; // nothing else is asked
  const bodies: string[] = [];
  const end = (_status: number, _headers: object, ...parts: readonly Uint8Array[]) => {
    bodies.push(Buffer.concat(parts).toString());
  };
  const request = { path, header: () => undefined } as unknown as HttpRequest; // as above
  const route = openApiRoute(new ResourceRegistry(), extensions);
  await route(request, { end } as unknown as HttpResponse, new URLSearchParams());
  return JSON.parse(bodies.join(""));
}

test("a document that is none is left out alone", async () => {
  const nested: unknown = JSON.parse(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`);
  const { paths } = await told("/openapi/v2", {
    "good.io/v1": { paths: { "/apis/good.io/v1/things": {} } },
    "null.io/v1": { paths: null },
    "deep.io/v1": { paths: { "/apis/deep.io/v1/things": nested } },
  });
  assert.deepEqual(paths["/apis/good.io/v1/things"], {});
  assert.equal(paths["/apis/deep.io/v1/things"], undefined);
  assert.ok(paths["/api/v1/pods"]);
});

test("the index tells where a document is, when that can be understood and is here", async () => {
  const entry = (group: string, serverRelativeURL: unknown) => ({
    paths: { [`apis/${group}/v1`]: { serverRelativeURL, evil: 1 } },
  });
  const { paths } = await told("/openapi/v3", {
    "good.io/v1": entry("good.io", "/openapi/v3/apis/good.io/v1?hash=A"),
    "number.io/v1": entry("number.io", 5),
    "away.io/v1": entry("away.io", "//elsewhere.invalid/"),
    "null.io/v1": { paths: { "apis/null.io/v1": null } },
  });
  assert.deepEqual(paths["apis/good.io/v1"], { serverRelativeURL: "/openapi/v3/apis/good.io/v1?hash=A" });
  for (const group of ["number", "away", "null"]) assert.equal(paths[`apis/${group}.io/v1`], undefined);
});
