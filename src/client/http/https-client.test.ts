import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import {
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { aroundTests } from "../../../test/around-tests.ts";
import { ApiError, ConfigMaps, Deployments, Nodes, notFound, Pods } from "../../api/index.ts";
import { ClusterPki } from "../../cluster/pki/index.ts";
import { seededRandom, systemClock, systemRandom, VirtualClock } from "../../lib/index.ts";
import { fromKubeconfig, type HttpsClientOptions, httpsClient } from "./index.ts";

let directory: string;
let pki: ClusterPki;

aroundTests(
  async () => {
    directory = await mkdtemp(join(tmpdir(), "https-client-"));
    pki = await ClusterPki.open({
      directory: join(directory, "pki"),
      clock: systemClock,
      random: systemRandom,
      serverNames: ["127.0.0.1", "localhost"],
      serviceAddress: "10.43.0.1",
    });
  },
  () => rm(directory, { recursive: true }),
);

type Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: string, attempt: number) => void;

/** A server that does what the test says; `requests` are the heads that came. */
async function serve(t: TestContext, handler: Handler) {
  const requests: IncomingHttpHeaders[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const server = createSecureServer({
    cert: pki.apiServer.certificate,
    key: pki.apiServer.privateKey,
    ca: pki.authority.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.once("close", () => sessions.delete(session));
  });
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    requests.push(headers);
    const attempt = requests.length;
    let body = "";
    stream.setEncoding("utf8");
    stream.on("error", () => {});
    stream.on("data", (chunk: string) => {
      body += chunk;
    });
    stream.on("end", () => handler(stream, headers, body, attempt));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  const client = (options: Partial<HttpsClientOptions> = {}) => {
    const made = httpsClient({
      server: `https://127.0.0.1:${port}`,
      ca: pki.authority.certificate,
      clock: systemClock,
      random: systemRandom,
      ...options,
    });
    t.after(() => made.close());
    return made;
  };
  return { port, requests, sessions, client };
}

function answer(stream: ServerHttp2Stream, value: unknown, status = 200, headers: Record<string, string> = {}): void {
  stream.respond({ ":status": status, "content-type": "application/json", ...headers });
  stream.end(JSON.stringify(value));
}

test("what is written says what it is", async (t) => {
  const bodies: unknown[] = [];
  const { client } = await serve(t, (stream, _headers, body) => {
    bodies.push(JSON.parse(body));
    answer(stream, web);
  });
  const api = client();
  const metadata = { namespace: "shop", name: "web" };
  await api.create(Deployments, { metadata });
  await api.update(Deployments, { metadata }, { subresource: "status" });
  await api.update(Deployments, { metadata }, { subresource: "scale" });
  const is = { apiVersion: "apps/v1", kind: "Deployment" };
  assert.deepEqual(bodies, [{ ...is, metadata }, { ...is, metadata }, { metadata }]);
});

const web = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "shop", resourceVersion: "7" },
};

test("each call is the request that Kubernetes documents", async (t) => {
  const { client, requests } = await serve(t, (stream) => answer(stream, { ...web, items: [] }));
  const api = client();
  const key = { namespace: "shop", name: "web" };
  await api.get(Deployments, key, { subresource: "scale" });
  await api.list(Deployments, { labelSelector: "a in (b,c)", limit: 5 });
  await api.create(
    Deployments,
    { metadata: { namespace: "shop", name: "web" } },
    { dryRun: "All", fieldManager: "me" },
  );
  await api.update(Deployments, { metadata: { namespace: "shop", name: "web" } }, { subresource: "status" });
  await api.patch(Deployments, key, { spec: {} });
  await api.patch(Deployments, key, [], { type: "application/json-patch+json" });
  await api.delete(Deployments, key, { body: { propagationPolicy: "Orphan" } });
  await api.deleteCollection(Pods, { namespace: "shop", fieldSelector: "spec.nodeName=n1" });
  await api.createSubresource(Pods, key, "binding", { target: { name: "n1" } });
  await api.get(Nodes, { name: "n1" });
  const seen = requests.map((head) => `${head[":method"]} ${head[":path"]} ${head["content-type"] ?? ""}`.trim());
  assert.deepEqual(seen, [
    "GET /apis/apps/v1/namespaces/shop/deployments/web/scale",
    "GET /apis/apps/v1/deployments?labelSelector=a+in+%28b%2Cc%29&limit=5",
    "POST /apis/apps/v1/namespaces/shop/deployments?dryRun=All&fieldManager=me application/json",
    "PUT /apis/apps/v1/namespaces/shop/deployments/web/status application/json",
    "PATCH /apis/apps/v1/namespaces/shop/deployments/web application/merge-patch+json",
    "PATCH /apis/apps/v1/namespaces/shop/deployments/web application/json-patch+json",
    "DELETE /apis/apps/v1/namespaces/shop/deployments/web application/json",
    "DELETE /api/v1/namespaces/shop/pods?fieldSelector=spec.nodeName%3Dn1",
    "POST /api/v1/namespaces/shop/pods/web/binding application/json",
    "GET /api/v1/nodes/n1",
  ]);
});

test("many requests share one connection", async (t) => {
  const { client, sessions } = await serve(t, (stream) => answer(stream, web));
  const api = client();
  await Promise.all(Array.from({ length: 20 }, () => api.get(Deployments, { namespace: "shop", name: "web" })));
  assert.equal(sessions.size, 1);
});

test("a failure is the ApiError of the server's Status", async (t) => {
  const { client } = await serve(t, (stream) => answer(stream, notFound(Deployments, "web").status, 404));
  await assert.rejects(client().get(Deployments, { namespace: "shop", name: "web" }), (error: ApiError) => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.code, 404);
    assert.equal(error.message, 'deployments.apps "web" not found');
    assert.deepEqual(error.status.details, { name: "web", group: "apps", kind: "deployments" });
    return true;
  });
});

test("an answer that is no Status still says its code", async (t) => {
  const { client } = await serve(t, (stream) => {
    stream.respond({ ":status": 502 });
    stream.end("<html>bad gateway</html>");
  });
  await assert.rejects(client().list(Pods), { name: "ApiError", code: 502, message: /502: <html>bad gateway/ });
});

test("objects come frozen, and the items of lists say what they are", async (t) => {
  const { client } = await serve(t, (stream) => answer(stream, { metadata: {}, items: [{ metadata: { name: "a" } }] }));
  const { items } = await client().list(Pods);
  assert.equal(items[0]?.apiVersion, "v1");
  assert.equal(items[0]?.kind, "Pod");
  assert.ok(Object.isFrozen(items[0]?.metadata));
});

test("a watch gives its events as they come, however the bytes are cut", async (t) => {
  const { client } = await serve(t, (stream) => {
    const event = Buffer.from(`${JSON.stringify({ type: "ADDED", object: { metadata: { name: "grün" } } })}\n`);
    stream.respond({ ":status": 200 });
    const cut = event.indexOf(0xc3) + 1;
    stream.write(event.subarray(0, cut), () => {
      stream.write(Buffer.concat([event.subarray(cut), event, event.subarray(0, 3)]), () =>
        stream.end(event.subarray(3)),
      );
    });
  });
  const names: string[] = [];
  for await (const event of client().watch(ConfigMaps, { signal: new AbortController().signal })) {
    names.push(`${event.type} ${event.object.metadata.name}`);
  }
  assert.deepEqual(names, ["ADDED grün", "ADDED grün", "ADDED grün"]);
});

test("an ERROR event ends a watch with its ApiError", async (t) => {
  const { client } = await serve(t, (stream) => {
    stream.respond({ ":status": 200 });
    stream.end(
      `${JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired", message: "old" } })}\n`,
    );
  });
  await assert.rejects(Array.fromAsync(client().watch(ConfigMaps, { signal: new AbortController().signal })), {
    name: "ApiError",
    code: 410,
  });
});

test("aborting a watch ends it at the server too", async (t) => {
  let closed: (() => void) | undefined;
  const closing = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const { client } = await serve(t, (stream) => {
    stream.respond({ ":status": 200 });
    stream.write(`${JSON.stringify({ type: "ADDED", object: { metadata: { name: "a" } } })}\n`);
    stream.once("close", () => closed?.());
  });
  const stop = new AbortController();
  const reason = new Error("enough");
  const watching = (async () => {
    for await (const _event of client().watch(ConfigMaps, { signal: stop.signal })) stop.abort(reason);
  })();
  await assert.rejects(watching, reason);
  await closing;
});

test("leaving a watch's loop ends it at the server too", async (t) => {
  let closed: (() => void) | undefined;
  const closing = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const { client } = await serve(t, (stream) => {
    stream.respond({ ":status": 200 });
    stream.write(`${JSON.stringify({ type: "ADDED", object: { metadata: { name: "a" } } })}\n`);
    stream.once("close", () => closed?.());
  });
  for await (const _event of client().watch(ConfigMaps, { signal: new AbortController().signal })) break;
  await closing;
});

test("a watch whose connection is lost throws", async (t) => {
  const { client } = await serve(t, (stream) => {
    stream.respond({ ":status": 200 });
    stream.write(`${JSON.stringify({ type: "ADDED", object: { metadata: { name: "a" } } })}\n`, () =>
      setImmediate(() => stream.session?.socket?.destroy()),
    );
  });
  const watching = Array.fromAsync(client().watch(ConfigMaps, { signal: new AbortController().signal }));
  await assert.rejects(watching);
});

test("after a lost connection the next request makes a new one", async (t) => {
  const { client, sessions } = await serve(t, (stream) => answer(stream, web));
  const api = client();
  await api.get(Deployments, { namespace: "shop", name: "web" });
  for (const session of sessions) session.destroy();
  await api.get(Deployments, { namespace: "shop", name: "web" });
});

test("a server that goes away in the middle of a read is asked once more; a write is not repeated", async (t) => {
  const { client, requests } = await serve(t, (stream, headers, _body, attempt) => {
    if (attempt === 1 || headers[":method"] === "POST") stream.session?.destroy();
    else answer(stream, web);
  });
  const api = client();
  await api.get(Deployments, { namespace: "shop", name: "web" });
  assert.equal(requests.length, 2);
  await assert.rejects(api.create(ConfigMaps, { metadata: { namespace: "a", name: "b" } }), /POST .* failed/);
  assert.equal(requests.length, 3);
});

test("a busy server is asked again after what it asks for", async (t) => {
  const { client, requests } = await serve(t, (stream, _headers, _body, attempt) =>
    attempt < 3
      ? answer(stream, { kind: "Status", code: 429, message: "busy" }, 429, { "retry-after": "0" })
      : answer(stream, web),
  );
  await client().create(Deployments, { metadata: { namespace: "shop", name: "web" } });
  assert.equal(requests.length, 3);
});

test("a 429 without Retry-After is an answer", async (t) => {
  const { client, requests } = await serve(t, (stream) =>
    answer(stream, { kind: "Status", code: 429, message: "disruption budget" }, 429),
  );
  await assert.rejects(client().createSubresource(Pods, { namespace: "a", name: "b" }, "eviction", {}), { code: 429 });
  assert.equal(requests.length, 1);
});

test("a request without an answer is given up after its time", async (t) => {
  const clock = new VirtualClock();
  let arrived: (() => void) | undefined;
  const arriving = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const { client } = await serve(t, () => arrived?.());
  const asking = client({ clock }).get(Nodes, { name: "n" });
  const failing = assert.rejects(asking, /no answer in 60 s/);
  await arriving;
  await clock.advance(60_000);
  await failing;
});

test("the caller's signal ends a request with its reason", async (t) => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const { client } = await serve(t, () => stop.abort(reason));
  await assert.rejects(client().get(Nodes, { name: "n" }, { signal: stop.signal }), reason);
});

test("a request that is given up while the connection is made is not sent", async (t) => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const { client, requests } = await serve(t, (stream) => answer(stream, web));
  const one = client();
  const asking = assert.rejects(one.get(Nodes, { name: "n" }, { signal: stop.signal }), reason);
  await turn();
  stop.abort(reason);
  await asking;
  await one.get(Nodes, { name: "other" });
  assert.deepEqual(
    requests.map((each) => each[":path"]),
    ["/api/v1/nodes/other"],
  );
});

test("a connection that is silent and does not answer pings is closed", async (t) => {
  const clock = new VirtualClock();
  const { port, client } = await serve(t, (stream) => {
    stream.respond({ ":status": 200 });
    stream.write(`${JSON.stringify({ type: "ADDED", object: { metadata: { name: "a" } } })}\n`);
  });
  const pipes: Socket[] = [];
  const between = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) socket.on("error", () => {});
    near.pipe(far).pipe(near);
    pipes.push(near, far);
  });
  await new Promise<void>((resolve) => between.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of pipes) socket.destroy();
    between.close();
  });
  const server = `https://127.0.0.1:${(between.address() as AddressInfo).port}`;
  const events = client({ clock, server }).watch(ConfigMaps, { signal: new AbortController().signal });
  const watch = events[Symbol.asyncIterator]();
  await watch.next();
  const failing = assert.rejects(watch.next());
  for (const socket of pipes) socket.unpipe().pause();
  await clock.advance(120_000);
  await failing;
});

test("a server that the authority has not signed is not talked to", async (t) => {
  const { client, requests } = await serve(t, (stream) => answer(stream, web));
  const stranger = client({ ca: pki.frontProxyAuthority.certificate, token: "secret-token" });
  await assert.rejects(stranger.get(Nodes, { name: "n" }), (error: Error) => {
    assert.match(error.message, /cannot connect to the API server at https:\/\/127\.0\.0\.1/);
    assert.doesNotMatch(`${error.stack} ${(error.cause as Error).message}`, /secret-token/);
    return true;
  });
  assert.equal(requests.length, 0);
});

test("a server by another name than its certificate's is not talked to", async (t) => {
  const { client, requests } = await serve(t, (stream) => answer(stream, web));
  await assert.rejects(client({ serverName: "elsewhere.example" }).get(Nodes, { name: "n" }), /cannot connect/);
  assert.equal(requests.length, 0);
});

test("a client certificate and a token are shown to the server", async (t) => {
  let subject: unknown;
  const { client, requests } = await serve(t, (stream) => {
    // The session of this server is always over TLS.
    const socket = stream.session?.socket as import("node:tls").TLSSocket;
    subject = socket.getPeerCertificate().subject?.CN;
    answer(stream, web);
  });
  const { certificate, privateKey } = pki.admin;
  await client({ clientCertificate: certificate, clientKey: privateKey }).get(Nodes, { name: "n" });
  assert.equal(subject, "kubernetes-admin");
  await client({ token: "t0" }).get(Nodes, { name: "n" });
  assert.equal(requests.at(-1)?.authorization, "Bearer t0");
});

test("renewed credentials are shown from the next request on, while a watch goes on as it began", async (t) => {
  const subjects: unknown[] = [];
  let events: ServerHttp2Stream | undefined;
  const { port, client } = await serve(t, (stream, headers) => {
    // The session of this server is always over TLS.
    const socket = stream.session?.socket as import("node:tls").TLSSocket;
    subjects.push(socket.getPeerCertificate().subject?.CN);
    if (!headers[":path"]?.includes("watch=true")) return answer(stream, web);
    events = stream;
    stream.respond({ ":status": 200, "content-type": "application/json" });
    stream.write(`${JSON.stringify({ type: "ADDED", object: web })}\n`);
  });
  const connection = { server: `https://127.0.0.1:${port}`, ca: pki.authority.certificate };
  const first = { clientCertificate: pki.admin.certificate, clientKey: pki.admin.privateKey };
  const { certificate, privateKey } = pki.kubeletClient;
  const api = client(first);
  const watch = api
    .watch(Deployments, { namespace: "shop", signal: new AbortController().signal })
    [Symbol.asyncIterator]();
  assert.equal((await watch.next()).value.type, "ADDED");
  await api.renew({ ...connection, clientCertificate: certificate, clientKey: privateKey });
  await api.get(Nodes, { name: "n" });
  assert.deepEqual(subjects, ["kubernetes-admin", "kube-apiserver-kubelet-client"]);
  events?.end(`${JSON.stringify({ type: "MODIFIED", object: web })}\n`);
  assert.equal((await watch.next()).value.type, "MODIFIED");
  assert.ok((await watch.next()).done);
});

test("a token file is read again after a minute", async (t) => {
  const clock = new VirtualClock();
  const { client, requests } = await serve(t, (stream) => answer(stream, web));
  const tokenFile = join(directory, "token");
  await writeFile(tokenFile, "one\n");
  const api = client({ clock, tokenFile });
  await api.get(Nodes, { name: "n" });
  await writeFile(tokenFile, "two\n");
  await api.get(Nodes, { name: "n" });
  await clock.advance(60_000);
  await api.get(Nodes, { name: "n" });
  assert.deepEqual(
    requests.map((head) => head.authorization),
    ["Bearer one", "Bearer one", "Bearer two"],
  );
});

test("connecting to nobody fails: soon at first, for who is being started, and then after longer each time", async () => {
  const clock = new VirtualClock();
  // Port 1 of the loopback is nobody's.
  const api = httpsClient({ server: "https://127.0.0.1:1", clock, random: seededRandom(1) });
  const failure = () => assert.rejects(api.list(Pods), /cannot connect/);
  await failure();
  for (let tries = 1; tries < 31; tries++) {
    const next = failure();
    await clock.advance(40);
    await next;
  }
  for (const longerMs of [50, 100, 200]) {
    let answered = false;
    const next = failure().finally(() => {
      answered = true;
    });
    await clock.advance(longerMs - 1);
    assert.equal(answered, false);
    await clock.advance(longerMs + 1);
    await next;
  }
  api.close();
});

test("a kubeconfig's current context gives server, authority and user", async () => {
  const path = join(directory, "config");
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  await writeFile(join(directory, "key.pem"), "KEY");
  await writeFile(
    path,
    `
current-context: b
contexts:
- {name: a, context: {cluster: one, user: one}}
- {name: b, context: {cluster: two, user: two}}
clusters:
- {name: two, cluster: {server: "https://example:6443", certificate-authority-data: ${base64("CA")}}}
users:
- {name: two, user: {client-certificate-data: ${base64("CERT")}, client-key: key.pem}}
`,
  );
  assert.deepEqual(await fromKubeconfig(path), {
    server: "https://example:6443",
    ca: "CA",
    clientCertificate: "CERT",
    clientKey: "KEY",
  });
  await writeFile(path, "current-context: b\n");
  await assert.rejects(fromKubeconfig(path), /has no context "b"/);
});
