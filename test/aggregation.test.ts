// APIServices: the machine's kubectl and raw requests against a group version that another server answers.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { connect } from "node:http2";
import { request } from "node:https";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { issue, type KeyPair } from "../src/cluster/pki/certificate.ts";
import { systemClock, systemRandom } from "../src/lib/index.ts";
import { aroundTests } from "./around-tests.ts";
import { type ExtensionServer, group, groupVersion, startExtensionServer } from "./extension-server.ts";
import { type Kubectl, kubectlOf } from "./kubectl.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

let plane: ServedControlPlane;
let kubectl: Kubectl;
let shop: ExtensionServer;
let admin: KeyPair;

aroundTests(
  async () => {
    plane = await serveControlPlane();
    kubectl = kubectlOf(plane);
    admin = plane.keyOf("admin", "system:masters");
    shop = await startExtensionServer(plane.frontProxyAuthority.certificate, "shop.default.svc");
    await apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "shop", namespace: "default" },
      spec: { type: "ExternalName", externalName: "localhost" },
    });
    await apply(apiService({ caBundle: shop.caBundle }));
    await kubectl("wait", "--for=condition=Available", `apiservice/v1.${group}`, "--timeout=20s");
  },
  async () => {
    await shop.close();
    await plane.close();
  },
);

const apiService = (more: object = {}, name = "shop") => ({
  apiVersion: "apiregistration.k8s.io/v1",
  kind: "APIService",
  metadata: { name: `v1.${group}` },
  spec: {
    group,
    version: "v1",
    groupPriorityMinimum: 2000,
    versionPriority: 10,
    service: { namespace: "default", name, port: shop.port },
    ...more,
  },
});

const apply = (object: object) => kubectl.given([object], "apply");

interface Sent {
  readonly key?: KeyPair;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string;
}

function ask(method: string, path: string, { key = admin, headers = {} }: Sent = {}) {
  const credentials = { key: key.privateKey, cert: key.certificate, ca: plane.authority };
  return request({ host: "127.0.0.1", port: plane.port, method, path, headers, agent: false, ...credentials });
}

async function send(method: string, path: string, sent: Sent = {}) {
  const asked = ask(method, path, sent).end(sent.body);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const headers: IncomingHttpHeaders = response.headers;
  return { status: response.statusCode ?? 0, headers, text: await text(response) };
}

const widgets = `/apis/${groupVersion}/namespaces/default/widgets`;

test("what another server serves is made, read and listed as if it were served here", async () => {
  const widget = { apiVersion: groupVersion, kind: "Widget", metadata: { name: "red", namespace: "default" } };
  await kubectl.given([widget], "create", "--validate=false");
  assert.equal((await kubectl("get", "wd", "red", "-o", "name")).trim(), `widget.${group}/red`);
  assert.match(await kubectl("get", "widgets", "-o", "name"), /red/);
  assert.match(await kubectl.refusal("get", "widgets", "green"), /no such widget/);
});

test("the other server learns who asks from the front proxy's headers, and not from the client's own", async () => {
  const key = plane.keyOf("jürgen", "system:masters", "shoppers");
  const forged = { "x-remote-user": "root", "x-remote-group": "system:masters", "x-remote-extra-scope": "all" };
  await send("GET", `${widgets}/red?pretty=true`, { key, headers: { ...forged, authorization: "Bearer secret" } });
  const { url, headers } = shop.seen.at(-1) ?? assert.fail("nothing came");
  assert.equal(url, `${widgets}/red?pretty=true`);
  assert.equal(Buffer.from(headers["x-remote-user"]?.[0] ?? "", "latin1").toString(), "jürgen");
  assert.deepEqual(headers["x-remote-user"]?.length, 1);
  assert.deepEqual(headers["x-remote-group"], ["system:masters", "shoppers", "system:authenticated"]);
  assert.equal(headers["x-remote-extra-scope"], undefined);
  assert.match(headers["x-remote-extra-authentication.kubernetes.io%2fcredential-id"]?.[0] ?? "", /^X509SHA256=/);
  assert.equal(headers.authorization, undefined);
});

test("who may not use a group here does not reach its server", async () => {
  const key = plane.keyOf("eve");
  const before = shop.seen.length;
  const { status, text: body } = await send("GET", widgets, { key });
  assert.equal(status, 403);
  assert.equal(
    JSON.parse(body).message,
    `widgets.${group} is forbidden: User "eve" cannot list resource "widgets" in API group "${group}" in the namespace "default"`,
  );
  assert.equal(shop.seen.slice(before).filter(({ url }) => url.startsWith(widgets)).length, 0);
});

test("a watch of another server streams, and ends there when its client goes", async () => {
  const asked = ask("GET", `${widgets}?watch=true`).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  for (const name of ["a", "b"]) {
    shop.announce(name);
    const { value } = await lines.next();
    assert.equal(JSON.parse(value ?? "").object.metadata.name, name);
  }
  asked.on("error", () => {}).destroy();
});

test("a body arrives whole whatever its method, and no part of it as another request", async () => {
  const smuggled = `GET ${widgets}/smuggled HTTP/1.1\r\nHost: shop\r\nX-Remote-User: root\r\n\r\n`;
  const session = connect(`https://127.0.0.1:${plane.port}`, {
    key: admin.privateKey,
    cert: admin.certificate,
    ca: plane.authority,
  });
  const before = shop.seen.length;
  for (const method of ["GET", "PATCH", "DELETE"]) {
    const stream = session.request({ ":method": method, ":path": `${widgets}/red` }, { endStream: false });
    stream.end(smuggled);
    const [{ ":status": status }] = await once(stream, "response");
    assert.equal(status, 200);
    await text(stream);
  }
  session.close();
  const seen = shop.seen.slice(before).filter(({ url }) => url.startsWith(widgets));
  assert.deepEqual(
    seen.map(({ method, url, body }) => [method, url, body]),
    [
      // What a read carries nobody reads.
      ["GET", `${widgets}/red`, ""],
      ["PATCH", `${widgets}/red`, smuggled],
      ["DELETE", `${widgets}/red`, smuggled],
    ],
  );
});

test("an upgraded connection leads to the other server", async () => {
  const headers = { connection: "Upgrade", upgrade: "echo", "x-remote-user": "root" };
  const asked = ask("GET", `${widgets}/red/connect`, { headers }).end();
  const [, socket] = await once(asked, "upgrade");
  socket.write("hello");
  assert.equal(String((await once(socket, "data"))[0]), "hello");
  socket.destroy();
  assert.deepEqual(shop.seen.at(-1)?.headers["x-remote-user"], ["admin"]);
});

test("no other server leads clients elsewhere", async () => {
  const { status, headers, text: body } = await send("GET", `${widgets}/elsewhere`);
  assert.deepEqual(
    [status, headers.location, body],
    [502, undefined, "the backend attempted to redirect this request, which is not permitted"],
  );
  const upgrading = { connection: "Upgrade", upgrade: "echo" };
  const upgraded = await send("GET", `${widgets}/elsewhere`, { headers: upgrading });
  assert.equal(upgraded.status, 503);
  assert.match(upgraded.text, /invalid upgrade response: status code 302/);
});

test("the other server knows a request by the id that the answer has", async () => {
  const { headers } = await send("GET", `${widgets}/red`);
  assert.deepEqual(shop.seen.at(-1)?.headers["audit-id"], [headers["audit-id"]]);
});

test("discovery tells of other servers' resources in both forms, in the order of priorities", async () => {
  const { groups } = JSON.parse((await send("GET", "/apis")).text);
  const names = groups.map((each: { name: string }) => each.name);
  assert.equal(names.at(-1), group);
  assert.deepEqual(JSON.parse((await send("GET", `/apis/${group}`)).text).preferredVersion, {
    groupVersion,
    version: "v1",
  });
  assert.equal(JSON.parse((await send("GET", `/apis/${groupVersion}`)).text).resources.length, 3);
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const { items } = JSON.parse((await send("GET", "/apis", { headers: { accept } })).text);
  const [version] = items.find((each: { metadata: { name: string } }) => each.metadata.name === group).versions;
  assert.equal(version.freshness, "Current");
  assert.deepEqual(version.resources, [
    {
      resource: "widgets",
      responseKind: { group, version: "v1", kind: "Widget" },
      scope: "Namespaced",
      singularResource: "widget",
      verbs: ["create", "delete", "deletecollection", "get", "list", "watch"],
      shortNames: ["wd"],
      subresources: [
        { subresource: "status", responseKind: { group, version: "v1", kind: "Widget" }, verbs: ["get"] },
        { subresource: "scale", responseKind: { group, version: "v1", kind: "Scale" }, verbs: ["get", "update"] },
      ],
    },
  ]);
});

test("OpenAPI documents of other servers are told with this server's own", async () => {
  const { paths } = JSON.parse((await send("GET", "/openapi/v3")).text);
  assert.deepEqual(paths[`apis/${groupVersion}`], { serverRelativeURL: `/openapi/v3/apis/${groupVersion}?hash=ABC` });
  assert.ok(paths["apis/apps/v1"]);
  const own = JSON.parse((await send("GET", paths[`apis/${groupVersion}`].serverRelativeURL)).text);
  assert.equal(own.info.title, "shop");
  const whole = JSON.parse((await send("GET", "/openapi/v2")).text);
  assert.ok(whole.paths[`/apis/${groupVersion}/namespaces/{namespace}/widgets/{name}`]);
  assert.equal(whole.paths["/apis/other.example.com/v1/things"], undefined);
  assert.ok(whole.definitions["com.example.shop.Widget"]);
  const meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
  assert.ok(whole.definitions[meta].properties.name);
  assert.equal(whole.definitions[`${meta}_v2`].description, "as the shop knows it");
  assert.match(await kubectl("explain", "widgets.color"), /what it looks like/);
});

test("a server that shows another certificate than it should is not talked to, unless it need not show any", async () => {
  await apply(apiService({ caBundle: Buffer.from(plane.authority).toString("base64") }));
  await kubectl("wait", "--for=condition=Available", `apiservice/v1.${group}`, "--timeout=20s");
  const refused = await send("GET", widgets);
  assert.equal(refused.status, 503);
  assert.equal(
    refused.text,
    "error trying to reach service: tls: failed to verify certificate: x509: certificate signed by unknown authority\n",
  );
  await kubectl(
    "patch",
    "apiservice",
    `v1.${group}`,
    "--type=merge",
    "-p",
    '{"spec":{"caBundle":null,"insecureSkipTLSVerify":true}}',
  );
  assert.equal((await send("GET", widgets)).status, 200);
  await apply(apiService({ caBundle: shop.caBundle, insecureSkipTLSVerify: false }));
});

test("the front proxy says for whom it asks, and nobody else may", async () => {
  const nowMs = systemClock.now();
  const validity = { notBeforeMs: nowMs - 1000, notAfterMs: nowMs + 60_000, usage: "client" } as const;
  const proxy = issue({ commonName: "front-proxy-client", ...validity }, systemRandom, plane.frontProxyAuthority);
  const impostor = issue(
    { commonName: "someone", organizations: ["system:masters"], ...validity },
    systemRandom,
    plane.frontProxyAuthority,
  );
  const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const body = JSON.stringify({ kind: "SelfSubjectReview", apiVersion: "authentication.k8s.io/v1" });
  const headers = {
    "content-type": "application/json",
    "x-remote-user": "ada",
    "x-remote-uid": "42",
    "x-remote-group": ["readers", "system:masters"],
    "x-remote-extra-example.com%2fscope": ["a", "b"],
  };
  const told = await send("POST", path, { key: proxy, headers, body });
  assert.equal(told.status, 201, told.text);
  assert.deepEqual(JSON.parse(told.text).status.userInfo, {
    username: "ada",
    uid: "42",
    groups: ["readers", "system:masters", "system:authenticated"],
    extra: { "example.com/scope": ["a", "b"] },
  });
  assert.equal((await send("POST", path, { key: impostor, headers, body })).status, 401);
  assert.equal(
    (await send("POST", path, { key: proxy, headers: { "content-type": "application/json" }, body })).status,
    401,
  );
  const own = await send("POST", path, { headers, body });
  assert.equal(JSON.parse(own.text).status.userInfo.username, "admin");
});

test("nobody is a user by a chain of certificates that leads to the front proxies' authority, however it is shown", async () => {
  const nowMs = systemClock.now();
  const validity = { notBeforeMs: nowMs - 1000, notAfterMs: nowMs + 60_000 };
  const between = { commonName: "between", usage: "authority", ...validity } as const;
  const organizations = ["system:masters"];
  const impostor = { commonName: "someone", organizations, usage: "client", ...validity } as const;
  const statusOf = async (authority: KeyPair, maxVersion: "TLSv1.2" | "TLSv1.3", session?: Buffer) => {
    const signer = issue(between, systemRandom, authority);
    const key = issue(impostor, systemRandom, signer);
    const socket = connectTls({
      host: "127.0.0.1",
      port: plane.port,
      ca: plane.authority,
      key: key.privateKey,
      cert: key.certificate + signer.certificate,
      maxVersion,
      ...(session ? { session } : {}),
    });
    const sessions: Buffer[] = [];
    socket.on("session", (each) => sessions.push(each));
    socket.write("GET /api/v1/secrets HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const answer = await text(socket);
    return { status: answer.slice(9, 12), session: sessions.at(-1) };
  };
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const first = await statusOf(plane.frontProxyAuthority, version);
    const again = await statusOf(plane.frontProxyAuthority, version, first.session);
    assert.deepEqual([first.status, again.status], ["401", "401"], version);
    // Those whom the clients' own authority lets sign are believed.
    const good = await statusOf(plane.clientAuthority, version);
    assert.deepEqual(
      [good.status, (await statusOf(plane.clientAuthority, version, good.session)).status],
      ["200", "200"],
    );
  }
});

test("extension API servers are told whom to believe", async () => {
  const { data } = JSON.parse(
    await kubectl("get", "configmap", "-n", "kube-system", "extension-apiserver-authentication", "-o", "json"),
  );
  assert.equal(data["client-ca-file"], plane.authority);
  assert.equal(data["requestheader-client-ca-file"], plane.frontProxyAuthority.certificate);
  assert.equal(data["requestheader-allowed-names"], '["front-proxy-client"]');
  assert.equal(data["requestheader-username-headers"], '["X-Remote-User"]');
  assert.equal(data["requestheader-group-headers"], '["X-Remote-Group"]');
  assert.equal(data["requestheader-extra-headers-prefix"], '["X-Remote-Extra-"]');
  await kubectl("get", "role", "-n", "kube-system", "extension-apiserver-authentication-reader");
});

test("every group that is served here has an APIService that says so", async () => {
  const { items } = JSON.parse(await kubectl("get", "apiservices", "-o", "json"));
  const apps = items.find((each: { metadata: { name: string } }) => each.metadata.name === "v1.apps");
  assert.equal(apps.metadata.labels["kube-aggregator.kubernetes.io/automanaged"], "onstart");
  assert.deepEqual(apps.spec, { group: "apps", version: "v1", groupPriorityMinimum: 17_800, versionPriority: 15 });
  assert.equal(apps.status.conditions[0].reason, "Local");
  assert.match(await kubectl("get", "apiservice", "v1."), /v1\.\s+Local\s+True/);
});

const widgetIn = (namespace: string, name: string, metadata: object = {}) =>
  send("POST", `/apis/${groupVersion}/namespaces/${namespace}/widgets`, {
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ apiVersion: groupVersion, kind: "Widget", metadata: { name, ...metadata } }),
  });
const account = (name: string) => [`system:serviceaccount:kube-system:${name}`];

test("a namespace is emptied of what other servers keep in it", async () => {
  await kubectl("create", "namespace", "market");
  await widgetIn("market", "pear");
  await kubectl("delete", "namespace", "market", "--timeout=20s");
  const { headers } = await shop.asked("DELETE", "/namespaces/market/widgets");
  assert.deepEqual(headers["x-remote-user"], account("namespace-controller"));
});

test("what another server keeps goes with its owner", async () => {
  await kubectl("create", "configmap", "owner");
  const uid = await kubectl("get", "configmap", "owner", "-o", "jsonpath={.metadata.uid}");
  await widgetIn("default", "owned", {
    ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "owner", uid }],
  });
  await kubectl("delete", "configmap", "owner");
  const { headers, body } = await shop.asked("DELETE", "/widgets/owned");
  assert.deepEqual(headers["x-remote-user"], account("generic-garbage-collector"));
  assert.equal(JSON.parse(body).preconditions.uid, "uid-owned");
});

test("what another server keeps is scaled by an autoscaler", async () => {
  await widgetIn("default", "scaled");
  await apply({
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "widget", namespace: "default" },
    spec: {
      scaleTargetRef: { apiVersion: groupVersion, kind: "Widget", name: "scaled" },
      minReplicas: 3,
      maxReplicas: 5,
    },
  });
  const { headers, body } = await shop.asked("PUT", "/widgets/scaled/scale");
  assert.deepEqual(headers["x-remote-user"], account("horizontal-pod-autoscaler"));
  assert.equal(JSON.parse(body).spec.replicas, 3);
  await kubectl("wait", "--for=condition=AbleToScale", "hpa/widget", "--timeout=20s");
});

test("a server that is down is unavailable for its group alone, and removing its APIService removes the group", async () => {
  await kubectl("patch", "service", "shop", "-p", '{"spec":{"externalName":"nowhere.invalid"}}');
  await kubectl("wait", "--for=condition=Available=false", `apiservice/v1.${group}`, "--timeout=40s");
  assert.match(await kubectl("get", "apiservice", `v1.${group}`), /default\/shop\s+False \(FailedDiscoveryCheck\)/);
  const refused = await send("GET", widgets);
  assert.equal(refused.status, 503);
  assert.equal(refused.text, "service unavailable\n");
  const metrics = (await send("GET", "/metrics")).text;
  assert.match(metrics, /^aggregator_unavailable_apiservice\{name="v1.shop.example.com"\} 1$/m);
  assert.match(metrics, /^aggregator_unavailable_apiservice\{name="v1.apps"\} 0$/m);
  assert.match(await kubectl.refusal("get", "widgets"), /ServiceUnavailable|unable to handle the request/);
  await kubectl("get", "pods", "-A");
  // Nobody knows what of the group is in a namespace, so it stays until somebody does.
  await kubectl("create", "namespace", "unknown");
  await kubectl("delete", "namespace", "unknown", "--wait=false");
  await kubectl("wait", "--for=condition=NamespaceDeletionDiscoveryFailure", "namespace/unknown", "--timeout=20s");
  await kubectl("delete", "service", "shop");
  await kubectl(
    "wait",
    `--for=jsonpath={.status.conditions[0].reason}=ServiceNotFound`,
    `apiservice/v1.${group}`,
    "--timeout=20s",
  );
  await kubectl("delete", "apiservice", `v1.${group}`);
  await kubectl("wait", "--for=delete", "namespace/unknown", "--timeout=20s");
  assert.equal((await send("GET", widgets)).status, 404);
  const { groups } = JSON.parse((await send("GET", "/apis")).text);
  assert.equal(
    groups.some((each: { name: string }) => each.name === group),
    false,
  );
});
