import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { aroundTests } from "../../../test/around-tests.ts";
import {
  answerOf,
  authority,
  type HttpsServer,
  type Sent,
  startHttpsServer,
  strangerKey,
} from "../../../test/https-server.ts";
import {
  type CustomResourceDefinition,
  customResources,
  NodeMetricses,
  type ResourceDefinition,
} from "../../api/index.ts";
import type { Authorizer } from "../authorization/index.ts";
import type { CreateHandler } from "../create-handler.ts";
import { widgetDefinition } from "../custom-resources/definition-for-tests.ts";

let https: HttpsServer;

aroundTests(
  async () => {
    const authorizer: Authorizer = {
      authorize: async ({ user }) => ({ allowed: user.name !== "system:anonymous", reason: "" }),
    };
    const whoAmI: CreateHandler = ({ user: { name, groups } }) => ({ name, groups });
    const createHandlers = new Map([["selfsubjectreviews.authentication.k8s.io", whoAmI]]);
    https = await startHttpsServer({ authorizer, createHandlers });
  },
  () => https.close(),
);

const send = (method: string, path: string, sent?: Sent) => https.send(method, path, sent);

async function stream(path: string, headers?: Record<string, string>) {
  const lines = await https.stream(path, headers);
  return { next: async () => JSON.parse(await lines.next()), end: () => lines.end() };
}

test("version and health are told", async () => {
  const version = JSON.parse((await send("GET", "/version")).text);
  assert.equal(version.gitVersion, "v1.35.0+roder");
  assert.deepEqual([version.emulationMajor, version.emulationMinor], ["1", "35"]);
  assert.deepEqual([version.minCompatibilityMajor, version.minCompatibilityMinor], ["1", "34"]);
  const verbose = await send("GET", "/readyz?verbose");
  assert.equal(verbose.text, "[+]ping ok\nreadyz check passed\n");
  assert.equal((await send("GET", "/livez/ping")).text, "ok");
});

const authorizationApi = "/apis/authorization.k8s.io/v1";
const noRoute = /the server could not find the requested resource","reason":"NotFound","details":\{\},"code":404/;
const noMethod = /this method on the requested resource","reason":"MethodNotAllowed","details":\{\},"code":405/;
const wrongRequests: readonly [string, Sent & { method: string; path: string }, number, RegExp][] = [
  ["an unknown path", { method: "GET", path: "/nothing" }, 404, /^404 page not found\n$/],
  ["an unknown resource", { method: "GET", path: "/api/v1/nothings" }, 404, /could not find the requested resource/],
  ["an unknown version", { method: "GET", path: "/apis/apps/v9/deployments" }, 404, /^404 page not found\n$/],
  ["a node in a namespace", { method: "GET", path: "/api/v1/namespaces/x/nodes/y" }, 404, noRoute],
  ["nodes in a namespace", { method: "GET", path: "/api/v1/namespaces/x/nodes" }, 404, noRoute],
  ["namespaces in a namespace", { method: "GET", path: "/api/v1/namespaces/x/namespaces" }, 404, noRoute],
  ["a pod without its namespace", { method: "GET", path: "/api/v1/pods/y" }, 404, noRoute],
  ["a watch of a pod without its namespace", { method: "GET", path: "/api/v1/watch/pods/y" }, 404, noRoute],
  ["a create across namespaces", { method: "POST", path: "/api/v1/pods", body: "{}" }, 405, noMethod],
  ["a delete across namespaces", { method: "DELETE", path: "/api/v1/pods" }, 405, noMethod],
  ["a list of reviews", { method: "GET", path: `${authorizationApi}/selfsubjectaccessreviews` }, 405, noMethod],
  ["a get of a review", { method: "GET", path: `${authorizationApi}/selfsubjectaccessreviews/x` }, 404, noRoute],
  ["a delete of a status", { method: "DELETE", path: "/api/v1/namespaces/x/pods/y/status" }, 405, noMethod],
  ["an unknown subresource", { method: "GET", path: "/api/v1/nodes/x/nothing" }, 404, /find the requested resource/],
  ["a stranger's certificate", { method: "GET", path: "/api", key: strangerKey }, 401, /"reason":"Unauthorized"/],
  ["broken JSON", { method: "POST", path: "/api/v1/namespaces/default/configmaps", body: "{" }, 400, /"BadRequest"/],
  [
    "a body in CBOR",
    {
      method: "POST",
      path: "/api/v1/namespaces/default/configmaps",
      body: "{}",
      headers: { "content-type": "application/cbor" },
    },
    415,
    /"UnsupportedMediaType"/,
  ],
  [
    "an answer in CBOR",
    { method: "GET", path: "/api/v1/pods", headers: { accept: "application/cbor" } },
    406,
    /"NotAcceptable"/,
  ],
  [
    "a body of 4 MiB",
    { method: "POST", path: "/api/v1/namespaces/default/configmaps", body: "x".repeat(4 << 20) },
    413,
    /"RequestEntityTooLarge"/,
  ],
  ["a method that nothing has", { method: "PROPFIND", path: "/api/v1/pods" }, 405, /"MethodNotAllowed"/],
  ["a create at a name", { method: "POST", path: "/api/v1/namespaces/x", body: "{}" }, 405, /"MethodNotAllowed"/],
  ["an update of a collection", { method: "PUT", path: "/api/v1/namespaces", body: "{}" }, 405, /"MethodNotAllowed"/],
  ["a patch of a collection", { method: "PATCH", path: "/api/v1/namespaces", body: "{}" }, 405, /"MethodNotAllowed"/],
  ["a bad label selector", { method: "GET", path: "/api/v1/pods?labelSelector=%3D%3D" }, 400, /"BadRequest"/],
  ["a bad limit", { method: "GET", path: "/api/v1/pods?limit=many" }, 400, /invalid syntax/],
];

for (const [name, { method, path, ...rest }, status, text] of wrongRequests)
  for (const http2 of [false, true])
    test(`${name} is answered ${status} over ${http2 ? "HTTP/2" : "HTTP/1.1"}`, async () => {
      const answer = await send(method, path, { ...rest, http2 });
      assert.equal(answer.status, status);
      assert.match(answer.text, text);
    });

test("bodies and patches that are no JSON are told apart", async () => {
  const json = "application/json";
  const asKind = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; ";
  for (const [method, path, type, body, message] of [
    ["POST", configMaps, json, "{", `${asKind}json parse error: unexpected end of JSON input ({)`],
    ["POST", configMaps, json, "", `${asKind}json parse error: unexpected end of JSON input (<empty>)`],
    [
      "DELETE",
      `${configMaps}/none`,
      json,
      "{",
      "couldn't get version/kind; json parse error: unexpected end of JSON input",
    ],
    ["PATCH", `${configMaps}/none`, "application/json-patch+json", "[", patchFault],
    ["PATCH", `${configMaps}/none`, "application/merge-patch+json", "{", patchFault],
    ["PATCH", `${configMaps}/none`, "application/strategic-merge-patch+json", "{", "unexpected end of JSON input"],
  ] as const) {
    const answer = await send(method, path, { body, headers: { "content-type": type }, http2: true });
    assert.deepEqual([answer.status, JSON.parse(answer.text).message], [400, message]);
  }
});

const patchFault = "error decoding patch: unexpected end of JSON input";

test("every answer says under which id it is known, the client's own if it has one", async () => {
  for (const http2 of [false, true]) {
    for (const path of ["/livez", "/nothing", "/api/v1/nothings", configMaps]) {
      const { headers } = await send("GET", path, { http2 });
      assert.match(String(headers["audit-id"]), /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    }
    const own = await send("GET", configMaps, { http2, headers: { "audit-id": "mine" } });
    assert.equal(own.headers["audit-id"], "mine");
    const odd = await send("GET", configMaps, { http2, headers: { "audit-id": "a\u00fc b" } });
    assert.notEqual(odd.headers["audit-id"], "a\u00fc b");
  }
});

test("a target may name scheme and host, as clients send it to proxies", async () => {
  const path = "https://api.example.com:6443/api/v1/namespaces/none/configmaps?limit=1";
  const { status, text } = await send("GET", path);
  assert.deepEqual([status, JSON.parse(text).kind], [200, "ConfigMapList"]);
  assert.equal((await send("GET", "https://api.example.com/livez/ping")).text, "ok");
});

test("a path in Latin letters is read as UTF-8, and broken encoding is refused", async () => {
  assert.equal((await send("GET", "/api/v1/namespaces/default/configmaps/%C3%BC")).status, 404);
  assert.equal((await send("GET", "/api/v1/namespaces/%zz/configmaps")).status, 400);
});

const configMap = (name: string, data: object = {}) =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });
const configMaps = "/api/v1/namespaces/default/configmaps";
const create = (name: string, data?: object) => send("POST", configMaps, { body: configMap(name, data) });

test("HEAD has the headers of GET and no body, but where Kubernetes has routes and none for it", async () => {
  await create("head");
  const [get, head] = [await send("GET", "/openapi/v3"), await send("HEAD", "/openapi/v3")];
  assert.deepEqual([head.status, head.text], [200, ""]);
  assert.equal(head.headers["content-length"], get.headers["content-length"]);
  for (const path of [`${configMaps}/head`, configMaps, `${configMaps}/none`, "/api", "/apis/apps/v1", "/version"])
    assert.equal((await send("HEAD", path)).status, 405, path);
  for (const path of ["/", "/apis", "/apis/apps"]) assert.equal((await send("HEAD", path)).status, 200, path);
});

test("HEAD is for what custom resources there are and for them, and not for metrics, which have routes", async () => {
  const { registry } = https.server.api;
  const crd = { ...widgetDefinition(), status: {} } as unknown as CustomResourceDefinition; // what is read of it
  const convert = () => Promise.reject(new Error("there is one version"));
  const kinds = [...customResources(crd, { isTerminating: () => false, convert }), NodeMetricses];
  // The registry treats all kinds alike.
  for (const each of kinds) registry.set(each as unknown as ResourceDefinition);
  const status = async (path: string) => (await send("HEAD", path)).status;
  assert.equal(await status("/apis/example.com/v1"), 200);
  assert.equal(await status("/apis/example.com/v1/widgets"), 200);
  assert.equal(await status("/apis/metrics.k8s.io"), 200);
  assert.equal(await status("/apis/metrics.k8s.io/v1beta1"), 405);
  assert.equal(await status("/apis/metrics.k8s.io/v1beta1/nodes"), 405);
  for (const { group, version, plural } of kinds) registry.delete(group, version, plural);
});

test("an object is sent as YAML, or readable, to who asks", async () => {
  await create("forms", { k: "v" });
  const yaml = await send("GET", `${configMaps}/forms`, { headers: { accept: "application/yaml" } });
  assert.match(yaml.text, /^data:\n {2}k: v$/m);
  assert.match((await send("GET", `${configMaps}/forms?pretty=true`)).text, /^ {2}"kind": "ConfigMap"/m);
  const posted = await send("POST", configMaps, {
    headers: { "content-type": "application/yaml" },
    body: "metadata: { name: from-yaml }\ndata: { k: v }\n",
  });
  assert.equal(posted.status, 201);
});

const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const metadataType = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

test("tables and bare metadata are made of what is asked for", async () => {
  await create("shown", { a: "1", b: "2" });
  const one = JSON.parse((await send("GET", `${configMaps}/shown`, { headers: { accept: tableType } })).text);
  assert.equal(one.kind, "Table");
  assert.deepEqual(
    one.columnDefinitions.map((each: { name: string }) => each.name),
    ["Name", "Data", "Age"],
  );
  assert.deepEqual(one.rows[0].cells.slice(0, 2), ["shown", 2]);
  assert.equal(one.rows[0].object.kind, "PartialObjectMetadata");
  const bare = await send("GET", `${configMaps}?includeObject=None`, { headers: { accept: tableType } });
  assert.equal(JSON.parse(bare.text).rows[0].object, undefined);
  const list = JSON.parse((await send("GET", configMaps, { headers: { accept: metadataType } })).text);
  assert.equal(list.kind, "PartialObjectMetadataList");
  assert.ok(list.items.every((each: object) => !("data" in each)));
});

test("a watch streams each change as it happens", async () => {
  const { metadata } = JSON.parse((await send("GET", configMaps)).text);
  const from = `${configMaps}?watch=true&resourceVersion=${metadata.resourceVersion}`;
  const plain = await stream(from);
  const table = await stream(from, { accept: tableType });
  await create("watched", { k: "v" });
  await send("DELETE", `${configMaps}/watched`);
  const added = await plain.next();
  assert.equal(added.type, "ADDED");
  assert.equal(added.object.metadata.name, "watched");
  assert.equal((await plain.next()).type, "DELETED");
  const first = await table.next();
  assert.equal(first.object.kind, "Table");
  assert.equal(first.object.columnDefinitions.length, 3);
  assert.equal((await table.next()).object.columnDefinitions, null);
  plain.end();
  table.end();
});

test("a watch from a forgotten version begins with an error event", async () => {
  const { metadata } = JSON.parse((await create("old")).text);
  await create("newer");
  await https.server.clock.advance(10 * 60_000);
  const answer = await stream(`${configMaps}?watch=true&resourceVersion=${metadata.resourceVersion}`);
  const { type, object } = await answer.next();
  assert.equal(type, "ERROR");
  assert.equal(object.code, 410);
  assert.equal(object.reason, "Expired");
  answer.end();
});

test("large answers are compressed for who can read that", async () => {
  await create("large", { k: "x".repeat(200_000) });
  const headers = { "accept-encoding": "gzip" };
  const small = await send("GET", `${configMaps}/head`, { headers });
  assert.equal(small.headers["content-encoding"], undefined);
  const large = await send("GET", `${configMaps}/large`, { headers });
  assert.equal(large.headers["content-encoding"], "gzip");
  assert.ok(Number(large.headers["content-length"]) < 10_000);
});

test("a list says the revision at which it was read in every form, compressed or not", async () => {
  const namespace = "/api/v1/namespaces/listed/configmaps";
  for (const name of ["a", "b"])
    await send("POST", namespace, { body: configMap(name, { k: `${name}ü`.repeat(60_000) }) });
  let last = 0;
  for (let writes = 0; writes < 3; writes++) {
    const other = await send("POST", "/api/v1/namespaces/listed/secrets", {
      body: '{"metadata":{"generateName":"s-"}}',
    });
    const revision = JSON.parse(other.text).metadata.resourceVersion;
    assert.ok(Number(revision) > last);
    last = Number(revision);
    const plain = await send("GET", namespace);
    const { items, metadata } = JSON.parse(plain.text);
    assert.equal(metadata.resourceVersion, revision);
    assert.equal(items.length, 2);
    assert.equal(Buffer.byteLength(plain.text), Number(plain.headers["content-length"]));
    for (const accept of [tableType, metadataType]) {
      const { metadata } = JSON.parse((await send("GET", namespace, { headers: { accept } })).text);
      assert.equal(metadata.resourceVersion, revision);
    }
    // The second answer comes from what is kept.
    for (let reads = 0; reads < 2; reads++) {
      const answer = await send("GET", namespace, { headers: { "accept-encoding": "gzip" } });
      assert.equal(answer.headers["content-encoding"], "gzip");
      assert.ok(answer.bytes.length < 10_000);
      assert.equal(gunzipSync(answer.bytes).toString(), plain.text);
    }
  }
});

test("discovery is told whole to clients that prefer it so", async () => {
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
  const whole = await send("GET", "/apis", { headers: { accept } });
  assert.equal(whole.headers["content-type"], "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  const { items } = JSON.parse(whole.text);
  assert.deepEqual(
    items.slice(0, 3).map((each: { metadata: object }) => each.metadata),
    ["apiregistration.k8s.io", "apps", "events.k8s.io"].map((name) => ({ name })),
  );
  const deployments = items[1].versions[0].resources.find(
    (each: { resource: string }) => each.resource === "deployments",
  );
  assert.deepEqual(
    deployments.subresources.map((each: { subresource: string }) => each.subresource),
    ["scale", "status"],
  );
  assert.equal(JSON.parse((await send("GET", "/apis")).text).kind, "APIGroupList");
  assert.equal(JSON.parse((await send("GET", "/apis/apps")).text).preferredVersion.version, "v1");
  assert.equal(JSON.parse((await send("GET", "/apis/apps/v1")).text).groupVersion, "apps/v1");
});

test("a whole discovery that the client has is not sent again", async () => {
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
  for (const path of ["/api", "/apis"]) {
    const first = await send("GET", path, { headers: { accept, "accept-encoding": "gzip" } });
    assert.equal(first.headers["cache-control"], "public");
    assert.match(String(first.headers.vary), /^Accept(, Accept-Encoding)?$/);
    const again = await send("GET", path, { headers: { accept, "if-none-match": first.headers.etag ?? "" } });
    assert.deepEqual([again.status, again.text, again.headers.etag], [304, "", first.headers.etag]);
    const other = await send("GET", path, { headers: { accept, "if-none-match": '"OTHER"' } });
    assert.equal(other.status, 200);
    assert.equal((await send("GET", path)).headers.etag, undefined);
  }
});

test("an OpenAPI document that the client has is not sent again", async () => {
  const first = await send("GET", "/openapi/v3/apis/apps/v1");
  assert.equal(first.status, 200);
  const again = await send("GET", "/openapi/v3/apis/apps/v1", {
    headers: { "if-none-match": first.headers.etag ?? "" },
  });
  assert.equal(again.status, 304);
  assert.equal(again.text, "");
});

test("a document of OpenAPI 3 is a protobuf message for who asks for one", async () => {
  const path = "/openapi/v3/apis/apps/v1";
  const answered = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";
  for (const accept of ["application/com.github.proto-openapi.spec.v3@v1.0+protobuf", answered]) {
    const { status, headers, bytes } = await send("GET", path, { headers: { accept } });
    assert.deepEqual([status, headers["content-type"]], [200, answered]);
    assert.equal(bytes.subarray(2, 7).toString(), "3.0.0");
    assert.equal((await send("GET", "/openapi/v3", { headers: { accept } })).status, 406);
  }
  assert.equal((await send("GET", path)).headers["content-type"], "application/json");
});

test("who may not is told what and where", async () => {
  const anonymous = await send("GET", "/api/v1/namespaces/default/pods", { key: null });
  assert.equal(anonymous.status, 403);
  assert.equal(
    JSON.parse(anonymous.text).message,
    'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "default"',
  );
  const path = JSON.parse((await send("GET", "/metrics", { key: null })).text);
  assert.equal(path.message, 'forbidden: User "system:anonymous" cannot get path "/metrics"');
});

test("a dry run of another kind than all is refused, and nothing is written", async () => {
  const path = "/api/v1/namespaces/default/configmaps";
  const json = { "content-type": "application/json" };
  const body = '{"metadata":{"name":"kept"}}';
  assert.equal((await send("POST", path, { headers: json, body })).status, 201);
  for (const [method, query, kind] of [
    ["POST", "", "CreateOptions"],
    ["PUT", "/kept", "UpdateOptions"],
    ["PATCH", "/kept", "PatchOptions"],
    ["DELETE", "/kept", "DeleteOptions"],
    ["DELETE", "", "DeleteOptions"],
  ] as const) {
    const headers = method === "PATCH" ? { "content-type": "application/merge-patch+json" } : json;
    const content = method === "DELETE" ? {} : { headers, body };
    const answer = await send(method, `${path}${query}?dryRun=All&dryRun=Some`, content);
    const why = `${kind}.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"`;
    assert.deepEqual([answer.status, JSON.parse(answer.text).message], [422, why]);
  }
  assert.equal((await send("GET", `${path}/kept?dryRun=Some`)).status, 200);
});

test("the body of who may not is not read", async () => {
  const pods = "/api/v1/namespaces/default/pods";
  for (const [method, path, contentType] of [
    ["POST", pods, "application/json"],
    ["POST", pods, "text/plain"],
    ["PUT", `${pods}/a`, "application/json"],
    ["PATCH", `${pods}/a`, "application/json-patch+json"],
  ] as const) {
    const headers = { "content-type": contentType };
    const answer = await send(method, path, { key: null, headers, body: "{ no JSON" });
    assert.equal(answer.status, 403, `${method} ${contentType}: ${answer.text}`);
  }
});

test("the body of what a path has no method for is not read", async () => {
  const eviction = "/api/v1/namespaces/default/pods/none/eviction";
  const headers = { "content-type": "application/merge-patch+json" };
  for (const body of ["", "{ no JSON"]) {
    const answer = await send("PATCH", eviction, { headers, body, http2: true });
    assert.deepEqual([answer.status, JSON.parse(answer.text).reason], [405, "MethodNotAllowed"]);
  }
});

test("one user acts as another", async () => {
  const headers = { "impersonate-user": "system:serviceaccount:default:builder", "impersonate-group": "extra" };
  const body = JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" });
  const answer = await send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", { headers, body });
  assert.deepEqual(JSON.parse(answer.text), {
    name: headers["impersonate-user"],
    groups: ["extra", "system:authenticated"],
  });
  const refused = await send("GET", "/api", { headers: { "impersonate-group": "extra" } });
  assert.equal(refused.status, 400);
});

test("warnings of the pipeline reach the client in headers", async () => {
  const answer = await send("POST", configMaps, { body: JSON.stringify({ metadata: { name: "warned" }, dada: {} }) });
  assert.equal(answer.headers.warning, '299 - "unknown field \\"dada\\""');
});

test("HTTP/2 carries many requests over one connection", async () => {
  const session = https.session();
  const get = (path: string) => answerOf(session.request({ ":path": path }));
  const answers = await Promise.all(Array.from({ length: 50 }, () => get(configMaps)));
  assert.ok(answers.every(({ status, text }) => status === 200 && text === answers[0]?.text));
  assert.equal((await get("/nothing")).status, 404);
  session.close();
});

test("an upgrade without a route is refused on its connection", async () => {
  const options = {
    host: "127.0.0.1",
    port: https.listener.port,
    path: "/api/v1/namespaces/default/pods/p/exec",
    headers: { connection: "Upgrade", upgrade: "SPDY/3.1" },
    ca: authority.certificate,
    agent: false as const,
  };
  const [response] = (await once(request(options).end(), "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 403);
  response.resume();
});

test("the items of a list of Kubernetes' own kind do not say what they are, whatever the form and the order", async () => {
  const named = { name: "typed", labels: { list: "typed" } };
  for (const [index, body] of [
    { apiVersion: "v1", kind: "ConfigMap", metadata: named },
    { kind: "ConfigMap", apiVersion: "v1", metadata: named },
    { metadata: named, kind: "ConfigMap", apiVersion: "v1" },
  ].entries()) {
    const metadata = { ...named, name: `typed-${index}` };
    const { status } = await send("POST", configMaps, { body: JSON.stringify({ ...body, metadata }) });
    assert.equal(status, 201);
  }
  const list = `${configMaps}?labelSelector=list%3Dtyped`;
  for (const [query, accept] of [
    ["", "application/json"],
    ["&pretty=true", "application/json"],
  ] as const) {
    const { kind, items } = JSON.parse((await send("GET", list + query, { headers: { accept } })).text);
    assert.equal(kind, "ConfigMapList");
    assert.deepEqual(
      items.map((item: object) => Object.keys(item)),
      [["metadata"], ["metadata"], ["metadata"]],
    );
  }
  const yaml = (await send("GET", list, { headers: { accept: "application/yaml" } })).text;
  assert.equal(yaml.match(/kind:/g)?.length, 1);
});
