import assert from "node:assert/strict";
import { test } from "node:test";
import { parseResourcePath } from "./request-path.ts";

test("a slash that is encoded parts nothing here and nothing behind this server", () => {
  const named = parseResourcePath("/apis/example.com/v1/namespaces/shop/things/a%3Ab");
  assert.deepEqual([named?.name, named?.subresource], ["a:b", ""]);
  for (const path of [
    "/apis/example.com/v1/namespaces/shop/things/a%2Fstatus",
    "/apis/example.com/v1/namespaces/shop%2fsecrets/things",
    "/apis/example.com/v1/things%2Fa",
  ])
    assert.throws(() => parseResourcePath(path), { code: 404 }, path);
  // What follows a proxy is its own.
  assert.equal(parseResourcePath("/api/v1/nodes/n/proxy/a%2Fb")?.rest, "/a%2Fb");
});
