// Watches as clients see them on the wire: their forms, their paths, and WebSockets.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { WebSocket } from "ws";
import { aroundTests } from "../../../test/around-tests.ts";
import { authority, clientKey, type HttpsServer, startHttpsServer } from "../../../test/https-server.ts";
import { readProtobufEvent } from "../../../test/protobuf-reader.ts";
import type { KeyPair } from "../../cluster/pki/certificate.ts";

let https: HttpsServer;
aroundTests(
  async () => {
    const authorizer = {
      authorize: async ({ user }: { readonly user: { readonly name: string } }) => ({
        allowed: user.name === "admin",
        reason: "",
      }),
    };
    https = await startHttpsServer({ authorizer });
  },
  () => https.close(),
);

const pathOf = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps`;
const create = (namespace: string, name: string, data = {}) =>
  https.send("POST", pathOf(namespace), {
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ metadata: { name, labels: { name } }, data }),
  });

interface Event {
  readonly type: string;
  readonly object: {
    readonly kind: string;
    readonly apiVersion: string;
    readonly metadata: { readonly name?: string; readonly annotations?: object };
    readonly rows?: readonly { readonly cells: readonly unknown[]; readonly object?: Event["object"] }[];
    readonly columnDefinitions?: readonly object[] | null;
    readonly data?: object;
    readonly reason?: string;
    readonly code?: number;
  };
}

async function watch(path: string, accept?: string) {
  const lines = await https.stream(path, accept ? { accept } : {});
  return { next: async () => JSON.parse(await lines.next()) as Event, end: () => lines.end() };
}

const streamed = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
const mark = { "k8s.io/initial-events-end": "true" };

for (const version of ["v1", "v1beta1"]) {
  test(`a streamed list as Tables of ${version} ends with a row that has the mark`, async () => {
    const namespace = `tables-${version}`;
    await create(namespace, "a", { k: "v" });
    await create(namespace, "b");
    const accept = `application/json;as=Table;v=${version};g=meta.k8s.io`;
    const { next, end } = await watch(`${pathOf(namespace)}?${streamed}`, accept);
    const first = await next();
    assert.deepEqual(
      [first.type, first.object.kind, first.object.apiVersion],
      ["ADDED", "Table", `meta.k8s.io/${version}`],
    );
    assert.equal(first.object.columnDefinitions?.length, 3);
    assert.deepEqual(first.object.rows?.[0]?.cells.slice(0, 2), ["a", 1]);
    assert.equal((await next()).object.columnDefinitions, null);
    const last = await next();
    assert.equal(last.type, "BOOKMARK");
    assert.equal(last.object.rows?.length, 1);
    assert.deepEqual(last.object.rows[0]?.object?.metadata.annotations, mark);
    end();
  });

  test(`a streamed list of bare metadata of ${version} ends with the mark`, async () => {
    const namespace = `bare-${version}`;
    await create(namespace, "a", { k: "v" });
    // As the metadata client of client-go asks.
    const form = `as=PartialObjectMetadata;g=meta.k8s.io;v=${version}`;
    const accept = `application/cbor;${form},application/json;${form},application/json`;
    const { next, end } = await watch(`${pathOf(namespace)}?${streamed}`, accept);
    const { type, object } = await next();
    assert.deepEqual(
      [type, object.kind, object.apiVersion],
      ["ADDED", "PartialObjectMetadata", `meta.k8s.io/${version}`],
    );
    assert.equal(object.metadata.name, "a");
    assert.equal(object.data, undefined);
    const last = await next();
    assert.deepEqual([last.type, last.object.metadata.annotations], ["BOOKMARK", mark]);
    end();
  });
}

for (const [include, kind] of [
  ["None", undefined],
  ["Metadata", "PartialObjectMetadata"],
  ["", "PartialObjectMetadata"],
  ["Object", "ConfigMap"],
] as const)
  test(`includeObject=${include} puts ${kind ?? "nothing"} beside each row, whatever is asked`, async () => {
    const namespace = `included-${include.toLowerCase()}x`;
    const headers = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io", "content-type": "application/json" };
    const query = `includeObject=${include}`;
    const body = JSON.stringify({ metadata: { name: "a" } });
    const created = await https.send("POST", `${pathOf(namespace)}?${query}`, { headers, body });
    assert.equal(created.status, 201);
    const answers = [
      created,
      await https.send("GET", `${pathOf(namespace)}/a?${query}`, { headers }),
      await https.send("GET", `${pathOf(namespace)}?${query}`, { headers }),
      await https.send("PUT", `${pathOf(namespace)}/a?${query}`, { headers, body }),
      await https.send("PATCH", `${pathOf(namespace)}/a?${query}`, {
        headers: { ...headers, "content-type": "application/merge-patch+json" },
        body: '{"data":{"k":"v"}}',
      }),
    ];
    const shown = answers.map(({ text }) => JSON.parse(text) as Event["object"]);
    const { next, end } = await watch(`${pathOf(namespace)}?watch=1&${query}`, headers.accept);
    for (const table of [...shown, (await next()).object]) {
      assert.equal(table.kind, "Table");
      assert.equal(table.rows?.length, 1);
      assert.equal(table.rows[0]?.object?.kind, kind);
    }
    end();
  });

test("an includeObject that there is not is refused", async () => {
  const headers = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
  const { status, text } = await https.send("GET", `${pathOf("default")}?includeObject=Some`, { headers });
  assert.equal(status, 400);
  const message = `Unable to convert to Table as requested: includeObject: Invalid value: "Some": must be 'Metadata', 'Object', 'None', or empty`;
  assert.equal(JSON.parse(text).message, message);
});

test("the old paths watch a collection, all namespaces and one object", async () => {
  await create("paths", "a");
  await create("paths", "b");
  for (const [path, count] of [
    ["/api/v1/watch/namespaces/paths/configmaps", 2],
    ["/api/v1/watch/configmaps?labelSelector=name%20in%20(a,b)&fieldSelector=metadata.namespace%3Dpaths", 2],
    ["/api/v1/watch/namespaces/paths/configmaps/b", 1],
    [`${pathOf("paths")}?watch=1&fieldSelector=metadata.name%3Db`, 1],
  ] as const) {
    const { next, end } = await watch(path);
    const seen = [];
    for (let event = 0; event < count; event++) seen.push((await next()).object.metadata.name);
    assert.deepEqual(seen, count === 2 ? ["a", "b"] : ["b"], path);
    end();
  }
});

test("the parameter watch belongs to collections: one object is shown", async () => {
  await create("paths", "shown");
  const { text } = await https.send("GET", `${pathOf("paths")}/shown?watch=true`);
  assert.equal((JSON.parse(text) as Event["object"]).kind, "ConfigMap");
});

function open(path: string, headers: Record<string, string> = {}, protocols: string[] = [], key: KeyPair = clientKey) {
  return new WebSocket(`wss://127.0.0.1:${https.listener.port}${path}`, protocols, {
    ca: authority.certificate,
    cert: key.certificate,
    key: key.privateKey,
    headers,
  });
}

/** The messages of a WebSocket in turn; undefined at its end. */
function messagesOf(socket: WebSocket) {
  const messages = (async function* () {
    for await (const [data, isBinary] of eventsOf(socket)) yield { data, isBinary };
  })();
  return async () => (await messages.next()).value;
}

async function* eventsOf(socket: WebSocket): AsyncGenerator<[data: Buffer, isBinary: boolean]> {
  const waiting: [Buffer, boolean][] = [];
  let wake = () => {};
  socket.on("message", (data, isBinary) => {
    waiting.push([data as Buffer, isBinary]); // what `ws` gives unless told otherwise
    wake();
  });
  socket.on("close", () => wake());
  for (;;) {
    for (let next = waiting.shift(); next; next = waiting.shift()) yield next;
    if (socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

test("a watch over a WebSocket has a message of text for each event", async () => {
  await create("sockets", "a");
  await create("sockets", "b");
  const socket = open(`${pathOf("sockets")}?watch=true`);
  const next = messagesOf(socket);
  for (const name of ["a", "b", "c"]) {
    if (name === "c") await create("sockets", name);
    const message = await next();
    assert.equal(message?.isBinary, false);
    const { type, object } = JSON.parse(String(message.data)) as Event;
    assert.deepEqual([type, object.metadata.name], ["ADDED", name]);
  }
  socket.close();
  assert.equal(await next(), undefined);
});

test("a watch in protobuf over a WebSocket has binary messages", async () => {
  await create("binary", "a");
  const socket = open(`${pathOf("binary")}?watch=true`, { accept: "application/vnd.kubernetes.protobuf" });
  const message = await messagesOf(socket)();
  assert.equal(message?.isBinary, true);
  const { type, object } = readProtobufEvent(message.data);
  assert.deepEqual([type, object.kind], ["ADDED", "ConfigMap"]);
  socket.close();
});

test("a watch over a WebSocket ends after its timeout, and speaks the protocol that was offered", async () => {
  const socket = open(`${pathOf("timed")}?watch=true&timeoutSeconds=5`, {}, ["v1.events.example"]);
  await once(socket, "open");
  assert.equal(socket.protocol, "v1.events.example");
  const closed = once(socket, "close");
  await https.server.clock.advance(5_000);
  assert.equal((await closed)[0], 1000);
});

test("a version that is too old is told in a message", async () => {
  await create("expired", "a");
  await https.server.clock.advance(11 * 60_000);
  const next = messagesOf(open(`${pathOf("expired")}?watch=true&resourceVersion=1`));
  const { type, object } = JSON.parse(String((await next())?.data)) as Event;
  assert.deepEqual([type, object.code, object.reason], ["ERROR", 410, "Expired"]);
  assert.equal(await next(), undefined);
});

for (const [what, path, headers, status] of [
  ["options that exclude each other", `${pathOf("x")}?watch=1&sendInitialEvents=true`, {}, 422],
  ["an unknown field", `${pathOf("x")}?watch=1&fieldSelector=data.k%3Dv`, {}, 400],
  ["an unknown kind", "/api/v1/namespaces/x/nothings?watch=1", {}, 404],
  ["a form that cannot stream", `${pathOf("x")}?watch=1`, { accept: "application/yaml" }, 406],
] as const)
  test(`a WebSocket for ${what} is refused before it is one`, async () => {
    const socket = open(path, headers);
    const [, answer] = (await once(socket, "unexpected-response")) as [object, IncomingMessage];
    assert.equal(answer.statusCode, status);
    socket.on("error", () => {}); // it was never open
    socket.terminate();
  });

test("a client that does not read loses its watch when that is over, and holds nothing until then", async () => {
  const data = { k: "x".repeat(100_000) };
  const session = https.session();
  const stream = session.request({ ":path": `${pathOf("slow")}?watch=1&timeoutSeconds=5` });
  await once(stream, "response");
  stream.pause();
  // More than the windows of HTTP/2 let through, so that the server waits for room.
  for (let index = 0; index < 30; index++) await create("slow", `big-${index}`, data);
  stream.on("error", () => {}); // it is broken off
  const closed = new Promise((resolve) => stream.once("close", resolve));
  await https.server.clock.advance(5_000);
  stream.resume();
  await closed;
  assert.notEqual(stream.rstCode, 0);
  session.destroy();
});
