import assert from "node:assert/strict";
import { test } from "node:test";
import { defineResource } from "../../api/index.ts";
import { entry, message, read, text } from "./message-reader-for-tests.ts";
import { openApiV2 } from "./openapi-v2.ts";
import { openApiV2Protobuf } from "./openapi-v2-protobuf.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

test("the fields of a message are written as protocol buffers are", () => {
  const inner = new ProtobufWriter().string(1, "é").bool(2, true).bool(3, false);
  const bytes = new ProtobufWriter().int64(1, 300).double(2, 1.5).message(3, inner).strings(4, ["a", ""]).finish();
  assert.deepEqual(
    [...bytes],
    [8, 0xac, 2, 17, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 26, 6, 10, 2, 0xc3, 0xa9, 16, 1, 34, 1, 97, 34, 0],
  );
});

test("long messages are written whole", () => {
  const long = "x".repeat(100_000);
  assert.equal(text(read(new ProtobufWriter().string(1, "a").string(2, long).finish()), 2), long);
});

test("the document keeps what clients read in it", () => {
  const pods = defineResource({ group: "", version: "v1", kind: "Pod", plural: "pods" });
  const document = read(openApiV2Protobuf(openApiV2([pods])));
  assert.equal(text(document, 1), "2.0");

  const spec = entry(message(document, 9), 1, "io.k8s.api.core.v1.PodSpec");
  assert.equal(text(spec, 19), "containers");
  const containers = entry(message(spec, 25), 1, "containers");
  assert.equal(text(message(containers, 22), 1), "array");
  assert.equal(text(message(message(containers, 23), 1), 1), "#/definitions/io.k8s.api.core.v1.Container");
  assert.equal(text(entry(containers, 31, "x-kubernetes-patch-merge-key"), 2), '"name"\n');
  const selector = entry(message(spec, 25), 1, "nodeSelector");
  assert.equal(text(message(message(message(selector, 21), 1), 22), 1), "string");

  const path = entry(message(document, 8), 2, "/api/v1/namespaces/{namespace}/pods/{name}");
  const patch = message(path, 8);
  assert.equal(
    text(entry(patch, 13, "x-kubernetes-group-version-kind"), 2),
    '{"group":"","version":"v1","kind":"Pod"}\n',
  );
  const parameters = patch.get(8)!.map((each) => message(read(each as Uint8Array), 1));
  assert.equal(text(message(parameters[0]!, 1), 2), "body");
  const query = parameters.slice(1).map((each) => message(message(each, 2), 3));
  assert.deepEqual(
    query.map((each) => text(each, 4)),
    ["dryRun", "fieldManager", "fieldValidation", "force"],
  );
  assert.equal(text(query[3]!, 6), "boolean");
});
