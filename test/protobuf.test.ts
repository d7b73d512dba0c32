// What typed clients of Go do unless they are told otherwise: bodies and answers in protobuf, over HTTP/1.1 and HTTP/2.
// What comes back is read by protobufjs.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { request } from "node:https";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { builtInResources, encodeProtobuf } from "../src/api/index.ts";
import { fromKubeconfig } from "../src/client/http/index.ts";
import { aroundTests } from "./around-tests.ts";
import { type Fields, readProtobuf, readProtobufEvent } from "./protobuf-reader.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

const protobuf = "application/vnd.kubernetes.protobuf";
const metadataOnly = (kind: string, version = "v1") => `${protobuf};as=${kind};g=meta.k8s.io;v=${version}`;
const configMaps = "/api/v1/namespaces/default/configmaps";

let plane: ServedControlPlane;
let session: ClientHttp2Session;
let tls: { readonly ca: string; readonly key: string; readonly cert: string };
let server: URL;

aroundTests(
  async () => {
    plane = await serveControlPlane();
    const { server: url, ca = "", clientKey = "", clientCertificate = "" } = await fromKubeconfig(plane.kubeconfig);
    server = new URL(url);
    tls = { ca, key: clientKey, cert: clientCertificate };
    session = connect(server, tls);
  },
  async () => {
    session.destroy();
    await plane.close();
  },
);

type Protocol = "HTTP/1.1" | "HTTP/2";
const protocols: readonly Protocol[] = ["HTTP/1.1", "HTTP/2"];

interface Sent {
  readonly accept?: string;
  /** An object is sent as protobuf, a text as JSON. */
  readonly body?: object | string;
  readonly headers?: Record<string, string>;
  readonly protocol?: Protocol;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

async function open(method: string, path: string, sent: Sent = {}): Promise<Answer> {
  const { accept = protobuf, body, protocol = "HTTP/1.1" } = sent;
  const bytes = typeof body === "object" ? encodeProtobuf(body) : body;
  const contentType = typeof body === "object" ? protobuf : "application/json";
  const ofBody = bytes && { "content-type": contentType, "content-length": String(Buffer.byteLength(bytes)) };
  const headers = { accept, ...ofBody, ...sent.headers };
  if (protocol === "HTTP/2") {
    const stream = session.request({ ":method": method, ":path": path, ...headers }, { endStream: false }).end(bytes);
    const [{ ":status": status = 0, ...received }] = (await once(stream, "response")) as [
      IncomingHttpHeaders & { ":status"?: number },
    ];
    return { status, headers: received, body: stream };
  }
  const outgoing = request(new URL(path, server), { ...tls, method, headers, agent: false }).end(bytes);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: response };
}

async function send(method: string, path: string, sent?: Sent) {
  const { status, headers, body } = await open(method, path, sent);
  const bytes = Buffer.concat(await body.toArray());
  return { status, type: headers["content-type"], headers, bytes };
}

/** The object of an answer in protobuf. */
async function call(method: string, path: string, sent?: Sent): Promise<Fields & { readonly status?: unknown }> {
  const { type, bytes } = await send(method, path, sent);
  assert.equal(type, protobuf);
  return readProtobuf(bytes);
}

const metadataOf = (object: Fields) => object.metadata as { readonly [field: string]: unknown; readonly name: string };

function configMap(name: string, data: Record<string, string> = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels: { test: name } }, data };
}

for (const protocol of protocols) {
  const suffix = protocol === "HTTP/2" ? "two" : "one";

  test(`an object is created, read, listed, changed, watched and deleted in protobuf over ${protocol}`, async () => {
    const name = `lived-${suffix}`;
    const at = `${configMaps}/${name}`;
    const created = await call("POST", configMaps, { body: configMap(name, { k: "ü" }), protocol });
    assert.equal(created.kind, "ConfigMap");
    assert.equal(created.apiVersion, "v1");
    const { resourceVersion } = metadataOf(created);
    const watch = await open(
      "GET",
      `${configMaps}?watch=true&resourceVersion=${resourceVersion}&labelSelector=test%3D${name}`,
      {
        accept: `${protobuf};stream=watch`,
        protocol,
      },
    );
    assert.equal(watch.headers["content-type"], `${protobuf};stream=watch`);
    assert.deepEqual(await call("GET", at, { protocol }), created);
    const json = await send("GET", at, { accept: "application/json", protocol });
    assert.deepEqual(JSON.parse(json.bytes.toString()), created);
    const list = await call("GET", `${configMaps}?labelSelector=test%3D${name}`, { protocol });
    assert.equal(list.kind, "ConfigMapList");
    assert.deepEqual(list.items, [withoutType(created)]);

    const updated = await call("PUT", at, { body: { ...created, data: { k: "w" } }, protocol });
    assert.deepEqual(updated.data, { k: "w" });
    const patch = JSON.stringify({ data: { added: "x" } });
    const headers = { "content-type": "application/merge-patch+json" };
    const patched = await call("PATCH", at, { body: patch, headers, protocol });
    assert.deepEqual(patched.data, { k: "w", added: "x" });
    const options = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background" };
    const deleted = await call("DELETE", at, { body: options, protocol });
    assert.equal(deleted.kind, "Status");
    assert.equal(deleted.status, "Success");
    const missing = await call("GET", at, { protocol });
    assert.equal(missing.code, 404);
    assert.equal(missing.reason, "NotFound");

    const events = frames(watch.body);
    for (const [type, object] of [
      ["MODIFIED", updated],
      ["MODIFIED", patched],
    ] as const)
      assert.deepEqual(await events.next(), { done: false, value: { type, object } });
    const last = await events.next();
    assert.equal(last.value?.type, "DELETED");
    assert.deepEqual(last.value?.object.data, patched.data);
    await events.return(undefined);
  });

  test(`the controllers' objects come through a watch in protobuf over ${protocol}`, async () => {
    const name = `made-${suffix}`;
    const labels = { app: name };
    const watch = await open("GET", `/api/v1/namespaces/default/pods?watch=true&labelSelector=app%3D${name}`, {
      protocol,
    });
    const template = {
      metadata: { labels },
      spec: { containers: [{ name: "web", image: "web:1", ports: [{ containerPort: 80 }] }] },
    };
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name },
      spec: { replicas: 2, selector: { matchLabels: labels }, template },
    };
    const created = await call("POST", "/apis/apps/v1/namespaces/default/deployments", { body: deployment, protocol });
    assert.equal((created.spec as Fields).replicas, 2);
    assert.deepEqual((created.spec as Fields).strategy, {
      type: "RollingUpdate",
      rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" },
    });
    const events = frames(watch.body);
    const { value } = await events.next();
    assert.equal(value?.type, "ADDED");
    assert.equal(value?.object.kind, "Pod");
    const spec = value?.object.spec as { readonly tolerations: readonly Fields[] } | undefined;
    assert.equal(spec?.tolerations[0]?.tolerationSeconds, 300);
    await events.return(undefined);
  });
}

function withoutType({ apiVersion: _, kind: __, ...fields }: Fields): Fields {
  return fields;
}

/** The events of a watch: each after its length in four bytes. Leaving it breaks the stream off. */
async function* frames(body: Readable): AsyncGenerator<{ readonly type: string; readonly object: Fields }, undefined> {
  let rest = Buffer.alloc(0);
  for await (const chunk of body) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0);
      yield readProtobufEvent(rest.subarray(4, end));
      rest = rest.subarray(end);
    }
  }
  return undefined;
}

test("the subresources that typed clients write take and give protobuf", async () => {
  const account = "/api/v1/namespaces/default/serviceaccounts";
  await call("POST", account, { body: { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "typed" } } });
  const asked = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 3600 } };
  const token = await call("POST", `${account}/typed/token`, { body: asked });
  assert.equal(token.kind, "TokenRequest");
  assert.match(String((token.status as Fields).token), /^ey/);

  const labels = { app: "scaled" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  const sets = "/apis/apps/v1/namespaces/default/replicasets";
  await call("POST", sets, { body: { apiVersion: "apps/v1", kind: "ReplicaSet", metadata: { name: "scaled" }, spec } });
  const scale = await call("GET", `${sets}/scaled/scale`);
  assert.equal(scale.apiVersion, "autoscaling/v1");
  const scaled = await call("PUT", `${sets}/scaled/scale`, {
    // Without a resourceVersion: the controller writes meanwhile.
    body: { ...scale, metadata: { name: "scaled", namespace: "default" }, spec: { replicas: 0 } },
  });
  assert.deepEqual(scaled.spec, { replicas: 0 });

  const pods = "/api/v1/namespaces/default/pods";
  const pod = { metadata: { name: "placed" }, spec: template.spec };
  await call("POST", pods, { body: { apiVersion: "v1", kind: "Pod", ...pod } });
  const target = { apiVersion: "v1", kind: "Node", name: "nowhere" };
  const binding = { apiVersion: "v1", kind: "Binding", metadata: { name: "placed" }, target };
  const bound = await call("POST", `${pods}/placed/binding`, { body: binding });
  assert.equal(bound.status, "Success");
  assert.equal((await call("GET", `${pods}/placed`)).kind, "Pod");
  const eviction = {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name: "placed" },
    deleteOptions: { gracePeriodSeconds: 0 },
  };
  assert.equal((await call("POST", `${pods}/placed/eviction`, { body: eviction })).status, "Success");

  const attributes = { resourceAttributes: { verb: "get", resource: "pods" } };
  const review = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: attributes };
  const reviewed = await call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", { body: review });
  assert.equal((reviewed.status as Fields).allowed, true);
});

test("metadata alone comes in protobuf, of objects, lists and watches", async () => {
  await call("POST", configMaps, { body: configMap("bare", { k: "v" }) });
  const one = await call("GET", `${configMaps}/bare`, { accept: metadataOnly("PartialObjectMetadata") });
  assert.deepEqual([one.apiVersion, one.kind, one.data], ["meta.k8s.io/v1", "PartialObjectMetadata", undefined]);
  assert.equal(metadataOf(one).name, "bare");
  for (const version of ["v1", "v1beta1"]) {
    const list = await call("GET", configMaps, { accept: metadataOnly("PartialObjectMetadataList", version) });
    assert.equal(list.apiVersion, `meta.k8s.io/${version}`);
    assert.ok((list.items as readonly Fields[]).some((each) => metadataOf(each).name === "bare"));
    assert.notEqual(metadataOf(list).resourceVersion, undefined);
  }
  const watch = await open("GET", `${configMaps}?watch=true&fieldSelector=metadata.name%3Dbare`, {
    accept: metadataOnly("PartialObjectMetadata"),
  });
  const events = frames(watch.body);
  const { value } = await events.next();
  assert.deepEqual(value?.object, one);
  await events.return(undefined);
});

test("a watch in protobuf tells of errors and bookmarks as of objects", async () => {
  const old = await open(
    "GET",
    `${configMaps}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan`,
  );
  const events = frames(old.body);
  for (;;) {
    const { value } = await events.next();
    if (value?.type !== "BOOKMARK") continue;
    assert.equal(value.object.kind, "ConfigMap");
    assert.deepEqual(metadataOf(value.object).annotations, { "k8s.io/initial-events-end": "true" });
    break;
  }
  await events.return(undefined);
});

test("discovery is told in protobuf, by parts and whole", async () => {
  assert.deepEqual((await call("GET", "/api")).versions, ["v1"]);
  const groups = (await call("GET", "/apis")).groups as readonly Fields[];
  assert.ok(groups.some((each) => each.name === "apps"));
  assert.equal((await call("GET", "/apis/apps")).name, "apps");
  const resources = (await call("GET", "/api/v1")).resources as readonly Fields[];
  const pods = resources.find((each) => each.name === "pods");
  assert.equal(pods?.namespaced, true);
  const verbs = pods?.verbs as readonly string[] | undefined;
  assert.ok(verbs?.includes("watch"));
  const form = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const { type, bytes } = await send("GET", "/apis", { accept: `${protobuf}${form},application/json` });
  assert.equal(type, `${protobuf}${form}`);
  const { items } = readProtobuf(bytes) as { readonly items: readonly Fields[] };
  assert.ok(items.some((each) => metadataOf(each).name === "apps"));
});

test("version and paths are JSON whatever the client accepts", async () => {
  for (const path of ["/version", "/"]) {
    const { status, type, bytes } = await send("GET", path);
    assert.equal(status, 200);
    assert.equal(type, "application/json");
    assert.equal(typeof JSON.parse(bytes.toString()), "object");
  }
});

test("a large list in protobuf is compressed for who can read that", async () => {
  const namespace = "/api/v1/namespaces/large/configmaps";
  await call("POST", "/api/v1/namespaces", {
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name: "large" } },
  });
  for (const name of ["a", "b"]) await call("POST", namespace, { body: configMap(name, { k: name.repeat(100_000) }) });
  const plain = await send("GET", namespace);
  assert.equal(plain.headers["content-encoding"], undefined);
  const small = await send("GET", namespace, { headers: { "accept-encoding": "gzip" } });
  assert.equal(small.headers["content-encoding"], "gzip");
  assert.ok(small.bytes.length < plain.bytes.length / 10);
  assert.deepEqual(readProtobuf(gunzipSync(small.bytes)), readProtobuf(plain.bytes));
});

test("a body that is no message of its kind is refused", async () => {
  for (const [bytes, message] of [
    ["{}", /^the object provided is unrecognized \(must be of type ConfigMap\): provided data does not appear/],
    ["k8s\0\x0a\x7f", /^the object provided is unrecognized \(must be of type ConfigMap\): unexpected EOF/],
  ] as const) {
    const status = await call("POST", configMaps, { body: bytes, headers: { "content-type": protobuf } });
    assert.equal(status.code, 400);
    assert.match(String(status.message), message);
  }
  const wrong = await call("POST", configMaps, { body: { apiVersion: "v1", kind: "Secret", metadata: { name: "a" } } });
  assert.equal(wrong.code, 400);
});

test("every collection says the same in protobuf as in JSON", async () => {
  let objects = 0;
  for (const definition of builtInResources) {
    if (!definition.verbs.includes("list")) continue;
    const { group, version, plural } = definition;
    const path = group === "" ? `/api/${version}/${plural}` : `/apis/${group}/${version}/${plural}`;
    const list = await call("GET", path);
    const json = JSON.parse((await send("GET", path, { accept: "application/json" })).bytes.toString());
    assert.equal(list.kind, json.kind);
    assert.equal(list.apiVersion, json.apiVersion);
    // What a controller wrote between the two is not compared.
    const state = (object: Fields) => {
      const { name, uid, resourceVersion } = metadataOf(object);
      return `${name} ${uid} ${resourceVersion}`;
    };
    const read = new Map((list.items as readonly Fields[]).map((each) => [state(each), each]));
    const items = (json.items as readonly Fields[]).filter((each) => read.has(state(each)));
    for (const each of items) assert.deepEqual(said(read.get(state(each))), said(withoutType(each)), path);
    objects += items.length;
  }
  assert.ok(objects > 100);
});

/** A value without what the wire does not have: nulls and lists with nothing in them. */
function said(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(said);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(
    ([, each]) => each !== null && !(Array.isArray(each) && each.length === 0),
  );
  return Object.fromEntries(entries.map(([name, each]) => [name, said(each)]));
}

test("reviews are answered in protobuf", async () => {
  const reviews: readonly [string, object, (status: Fields) => void][] = [
    [
      "authentication.k8s.io SelfSubjectReview",
      {},
      (status) => assert.equal((status.userInfo as Fields).username, "admin"),
    ],
    ["authentication.k8s.io TokenReview", { token: "none" }, (status) => assert.notEqual(status.authenticated, true)],
    [
      "authorization.k8s.io SelfSubjectRulesReview",
      { namespace: "default" },
      (status) => assert.ok((status.resourceRules as readonly Fields[]).length > 0),
    ],
    [
      "authorization.k8s.io SubjectAccessReview",
      {
        user: "nobody",
        extra: { scopes: ["a", "b"], none: [] },
        resourceAttributes: { verb: "get", resource: "pods" },
      },
      (status) => assert.notEqual(status.allowed, true),
    ],
  ];
  for (const [name, spec, check] of reviews) {
    const [group, kind = ""] = name.split(" ");
    const review = { apiVersion: `${group}/v1`, kind, ...(Object.keys(spec).length > 0 ? { spec } : {}) };
    const answer = await call("POST", `/apis/${group}/v1/${kind.toLowerCase()}s`, { body: review });
    assert.equal(answer.kind, kind);
    check(answer.status as Fields);
  }
});
