// Which forms bodies may have and answers are given in, seen from outside.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { parse } from "yaml";
import { aroundTests } from "../../../test/around-tests.ts";
import { type HttpsServer, type Sent, startHttpsServer } from "../../../test/https-server.ts";
import { type Fields, readProtobuf } from "../../../test/protobuf-reader.ts";
import { ConfigMaps, encodeProtobuf, type ResourceDefinition } from "../../api/index.ts";

const protobuf = "application/vnd.kubernetes.protobuf";
const configMaps = "/api/v1/namespaces/default/configmaps";
const widgets = "/apis/example.com/v1/namespaces/default/widgets";

const widgetDefinition: ResourceDefinition = {
  ...(ConfigMaps as ResourceDefinition), // what a custom resource has in common with it
  group: "example.com",
  version: "v1",
  kind: "Widget",
  listKind: "WidgetList",
  plural: "widgets",
  singular: "widget",
  schema: { type: "object", properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } } },
  schemaName: "com.example.v1.Widget",
  columns: [],
};

const widget = (name: string) => ({
  apiVersion: "example.com/v1",
  kind: "Widget",
  metadata: { name },
  spec: { size: 1 },
});

let https: HttpsServer;

aroundTests(
  async () => {
    https = await startHttpsServer();
    https.server.api.registry.set(widgetDefinition);
    await send("POST", configMaps, { body: JSON.stringify({ metadata: { name: "one" } }) });
    await send("POST", widgets, { body: JSON.stringify(widget("one")) });
  },
  () => https.close(),
);

const send = (method: string, path: string, sent?: Sent) => https.send(method, path, sent);

interface Status {
  readonly kind: "Status";
  readonly message: string;
  readonly reason: string;
  readonly code: number;
}

/** The Status of an answer in whichever form it has. */
async function refusal(method: string, path: string, sent: Sent): Promise<Status & { readonly type: string }> {
  const { status, headers, bytes } = await send(method, path, sent);
  const type = headers["content-type"] ?? "";
  const text = bytes.toString();
  const body = type === protobuf ? readProtobuf(bytes) : type === "application/yaml" ? parse(text) : JSON.parse(text);
  assert.equal(body.kind, "Status");
  assert.equal(body.status, "Failure");
  assert.equal(body.code, status);
  return { ...(body as Status), type };
}

const accepting = (accept: string) => ({ headers: { accept } });
const sending = (type: string, body: string | Uint8Array): Sent => ({ headers: { "content-type": type }, body });
const acceptedTypes = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

test("errors come in the form that is accepted", async () => {
  const missing = `${configMaps}/missing`;
  for (const type of ["application/json", "application/yaml", protobuf]) {
    const status = await refusal("GET", missing, accepting(type));
    assert.equal(status.type, type);
    assert.equal(status.code, 404);
    assert.equal(status.message, 'configmaps "missing" not found');
  }
});

test("who accepts no form of an error is told it in JSON that people can read", async () => {
  const { text, headers } = await send("GET", configMaps, accepting("application/cbor"));
  assert.equal(headers["content-type"], "application/json");
  assert.match(text, /^\{\n {2}"kind": "Status",/);
  const status: Status = JSON.parse(text);
  assert.equal(status.code, 406);
  assert.equal(status.reason, "NotAcceptable");
  assert.equal(status.message, `only the following media types are accepted: ${acceptedTypes}`);
  assert.equal((await refusal("GET", "/apis", accepting("text/html"))).code, 406);
});

test("a Table is no protobuf", async () => {
  const table = "as=Table;g=meta.k8s.io;v=v1";
  const status = await refusal("GET", configMaps, accepting(`${protobuf};${table}`));
  assert.equal(status.code, 406);
  const { headers, text } = await send("GET", configMaps, accepting(`${protobuf};${table},application/json;${table}`));
  assert.equal(headers["content-type"], "application/json");
  assert.equal(JSON.parse(text).kind, "Table");
});

test("a list is not turned into one object's metadata, nor an object into a list's", async () => {
  const as = (kind: string) => accepting(`application/json;as=${kind};g=meta.k8s.io;v=v1`);
  assert.equal(
    (await refusal("GET", configMaps, as("PartialObjectMetadata"))).message,
    "you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)",
  );
  assert.equal(
    (await refusal("GET", `${configMaps}/one`, as("PartialObjectMetadataList"))).message,
    "you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)",
  );
});

test("a watch is no YAML", async () => {
  const status = await refusal("GET", `${configMaps}?watch=true`, accepting("application/yaml"));
  assert.equal(status.type, "application/yaml");
  assert.equal(
    status.message,
    "only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch",
  );
});

test("a custom resource is never protobuf, but its metadata is", async () => {
  for (const path of [widgets, `${widgets}/one`, `${widgets}?watch=true`]) {
    const status = await refusal("GET", path, accepting(protobuf));
    assert.equal(status.code, 406);
    assert.equal(status.type, protobuf);
  }
  const both = await send("GET", `${widgets}/one`, accepting(`${protobuf},application/json`));
  assert.equal(both.headers["content-type"], "application/json");
  assert.equal(JSON.parse(both.text).spec.size, 1);
  for (const [path, kind] of [
    [`${widgets}/one`, "PartialObjectMetadata"],
    [widgets, "PartialObjectMetadataList"],
  ]) {
    const metadata = await send("GET", path!, accepting(`${protobuf};as=${kind};g=meta.k8s.io;v=v1`));
    assert.equal(metadata.headers["content-type"], protobuf);
    const read = readProtobuf(metadata.bytes);
    assert.equal(read.kind, kind);
    const one = (read.items as readonly Fields[] | undefined)?.[0] ?? read;
    assert.equal((one.metadata as Fields).name, "one");
  }
  const body = Buffer.concat([encodeProtobuf({ apiVersion: "example.com/v1", kind: "PartialObjectMetadata" })!]);
  const renamed = Buffer.from(
    body.toString("latin1").replace("\x15PartialObjectMetadata", "\x15Widget_______________"),
    "latin1",
  );
  const status = await refusal("POST", widgets, sending(protobuf, renamed));
  assert.equal(status.code, 400);
  assert.match(
    status.message,
    /object \*unstructured\.Unstructured does not implement the protobuf marshalling interface/,
  );
});

test("a custom resource is deleted with options in protobuf", async () => {
  await send("POST", widgets, { body: JSON.stringify(widget("gone")) });
  const options = encodeProtobuf({ apiVersion: "v1", kind: "DeleteOptions", ...{ propagationPolicy: "Background" } })!;
  const headers = { "content-type": protobuf, "content-length": String(options.length) };
  assert.equal((await send("DELETE", `${widgets}/gone`, { headers, body: options })).status, 200);
});

test("a body is JSON where it does not say what it is, and refused where it is nothing known", async () => {
  const body = JSON.stringify({ metadata: { name: "untyped" } });
  assert.equal((await send("POST", configMaps, { body })).status, 201);
  for (const path of [configMaps, widgets])
    for (const type of ["application/cbor", "text/plain", "application/x-www-form-urlencoded"]) {
      const status = await refusal("POST", path, sending(type, body));
      assert.equal(status.code, 415);
      assert.equal(status.reason, "UnsupportedMediaType");
      const sentence = "the body of the request was in an unknown format - accepted media types include";
      assert.equal(status.message, `${sentence}: ${acceptedTypes}`);
    }
});

test("parameters of a body's type do not matter", async () => {
  const body = JSON.stringify({ metadata: { generateName: "parameters-" } });
  assert.equal((await send("POST", configMaps, sending("application/json; charset=utf-8", body))).status, 201);
});

test("a compressed body is taken as it comes and not unpacked", async () => {
  // Kubernetes does not look at Content-Encoding: a bomb stays as small as it was sent.
  const bomb = gzipSync(Buffer.alloc(8 << 20, 0x20));
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  const status = await refusal("POST", configMaps, { headers, body: bomb });
  assert.equal(status.code, 400);
  assert.match(
    status.message,
    /^the object provided is unrecognized \(must be of type ConfigMap\): .*'\\x1f' .*\(1f8b08/,
  );
});
