import assert from "node:assert/strict";
import { test } from "node:test";
import { defineResource } from "../../api/index.ts";
import { entry, message, read, text } from "./message-reader-for-tests.ts";
import { openApiV3 } from "./openapi-v3.ts";
import { openApiV3Protobuf } from "./openapi-v3-protobuf.ts";

test("a document keeps what clients read in it", () => {
  const pods = defineResource({ group: "", version: "v1", kind: "Pod", plural: "pods" });
  const json = openApiV3("", "v1", [pods]);
  assert.ok(json);
  const document = read(openApiV3Protobuf(json));
  assert.equal(text(document, 1), "3.0.0");
  assert.equal(text(message(document, 2), 1), "Kubernetes");
  const paths = message(document, 4);
  assert.equal(paths.get(1)?.length, Object.keys(json.paths).length);
  const path = entry(paths, 1, "/api/v1/namespaces/{namespace}/pods");
  const post = message(path, 6);
  assert.equal(text(post, 5), json.paths["/api/v1/namespaces/{namespace}/pods"]?.post?.operationId);
  // The body: content of a media type, with a schema that is a reference.
  const mediaType = entry(message(message(message(post, 7), 1), 2), 1, "*/*");
  const reference = "#/components/schemas/io.k8s.api.core.v1.Pod";
  assert.equal(text(message(message(mediaType, 1), 2), 1), reference);
  assert.equal(new TextDecoder().decode(entry(post, 13, "x-kubernetes-action").get(2)?.[0] as Uint8Array), '"post"\n');
  const created = message(entry(message(post, 8), 2, "201"), 1);
  assert.equal(text(created, 1), "Created");

  const schemas = message(message(document, 5), 1);
  const pod = message(entry(schemas, 1, "io.k8s.api.core.v1.Pod"), 1);
  assert.equal(text(pod, 25), "object");
  const spec = message(entry(message(pod, 31), 1, "spec"), 1);
  assert.equal(text(message(message(spec, 26), 2), 1), "#/components/schemas/io.k8s.api.core.v1.PodSpec");
  // That there is a default is all that the message can say of it.
  assert.equal(message(spec, 33).size, 0);
  const schemes = message(message(document, 5), 7);
  assert.equal(text(message(entry(schemes, 1, "BearerToken"), 1), 1), "apiKey");
});
