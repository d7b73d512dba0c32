import assert from "node:assert/strict";
import { once } from "node:events";
import type { ClientHttp2Session } from "node:http2";
import { connect as connectTcp } from "node:net";
import { Duplex, type Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { connect } from "node:tls";
import { aroundTests } from "../../../test/around-tests.ts";
import {
  answerOf,
  authority,
  clientKey,
  type HttpsServer,
  janeKey,
  startHttpsServer,
} from "../../../test/https-server.ts";
import { silentLogger, VirtualClock } from "../../lib/index.ts";
import type { AdmissionPlugin } from "../admission/admission.ts";
import type { PathRoute } from "./handler.ts";

const configMaps = "/api/v1/namespaces/default/configmaps";
const body = (name: string) => JSON.stringify({ metadata: { name } });

const asAdmin = { key: clientKey.privateKey, cert: clientKey.certificate };

let https: HttpsServer;
const clock = new VirtualClock();
const errors: string[] = [];
/** Holds creates of `slow` until it is let go, and breaks at `broken`. */
let letGo: () => void = () => {};
let arrived: () => void = () => {};
/** The time that admission is told of the last of them. */
let leftMs = 0;
const plugin: AdmissionPlugin = {
  name: "test",
  admit: ({ name, operation, endMs }) => {
    if (operation !== "CREATE") return;
    if (name === "broken") throw new TypeError("a programmer was wrong");
    if (name !== "slow") return;
    leftMs = endMs - clock.monotonicMs();
    return new Promise((resolve) => {
      letGo = resolve;
      arrived();
    });
  },
};

/** An answer without end. */
const drip: PathRoute = async ({ path }, response) => {
  if (path !== "/drip") return false;
  const body = response.start(200, {});
  for (;;) {
    await body.write("drop");
    await new Promise((resolve) => setImmediate(resolve));
  }
};

aroundTests(
  async () => {
    https = await startHttpsServer({
      admission: [plugin],
      limits: { seats: 1, headersTimeoutMs: 50 },
      healthChecks: [
        { name: "well", check: () => {} },
        { name: "ill", check: () => Promise.reject(new Error("secret reason")), onlyReadiness: true },
      ],
      paths: [drip],
      httpClock: clock,
      httpLog: { ...silentLogger, error: (message) => errors.push(message) },
    });
  },
  () => https.close(),
);

function raw(text: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port: https.listener.port, ca: authority.certificate });
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk;
  });
  socket.write(text);
  return once(socket, "close").then(() => answer);
}

/** Resolves when so many writes are under way. */
async function underWay(writes: number): Promise<void> {
  const line = `apiserver_current_inflight_requests{request_kind="mutating"} ${writes}\n`;
  while (!(await https.send("GET", "/metrics")).text.includes(line));
}

async function exists(name: string): Promise<void> {
  while ((await https.send("GET", `${configMaps}/${name}`)).status !== 200);
}

test("one request too many is told to come back", async () => {
  const held = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const create = (name: string) => https.send("POST", configMaps, { body: body(name), key: janeKey });
  const slow = create("slow");
  await held;
  const refused = await create("second");
  assert.equal(refused.status, 429);
  assert.equal(refused.headers["retry-after"], "1");
  assert.equal(refused.headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(refused.text, "Too many requests, please try again later.\n");
  assert.equal(refused.headers["x-kubernetes-pf-prioritylevel-uid"], "");
  assert.equal((await https.send("GET", configMaps)).status, 200, "an administrator is exempt");
  letGo();
  assert.equal((await slow).status, 201);
  assert.equal((await create("second")).status, 201);
  await https.send("DELETE", `${configMaps}/slow`);
});

const timeoutStatus = {
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Failure",
  message: "Timeout: request did not complete within the allotted timeout",
  reason: "Timeout",
  details: {},
  code: 504,
};

test("a request that takes too long is answered, and what it asked for may still happen", async () => {
  for (const [query, waitMs] of [
    ["", 60_000],
    ["?timeout=0s", 60_000],
    ["?timeout=2m", 60_000],
    ["?timeout=1.5s", 1_500],
  ] as const) {
    const held = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const slow = https.send("POST", `${configMaps}${query}`, { body: body("slow") });
    await held;
    assert.equal(leftMs, waitMs);
    await clock.advance(waitMs);
    const answer = await slow;
    assert.deepEqual([answer.status, JSON.parse(answer.text)], [504, timeoutStatus]);
    letGo();
    await exists("slow");
    await https.send("DELETE", `${configMaps}/slow`);
  }
  const wrong = await https.send("GET", `${configMaps}?timeout=soon`);
  assert.equal(wrong.status, 400);
  assert.equal(
    JSON.parse(wrong.text).message,
    'invalid timeout specified in the request URL - time: invalid duration "soon"',
  );
});

test("a body that does not come is not waited for for ever, and leaves its place", async () => {
  const headers = { ":method": "POST", ":path": configMaps };
  const session = https.session();
  const stream = session.request(headers, { endStream: false });
  stream.write("{");
  await underWay(1);
  await clock.advance(60_000);
  const answer = await answerOf(stream);
  assert.deepEqual([answer.status, JSON.parse(answer.text)], [504, timeoutStatus]);
  session.close();
  await underWay(0);

  const sent = raw(`POST ${configMaps} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{`);
  await underWay(1);
  await clock.advance(60_000);
  assert.match(await sent, /^HTTP\/1\.1 504 /);
  await underWay(0);
});

/** Resolves when so many reads are under way; the one that asks is not among them. */
async function readsUnderWay(reads: number): Promise<void> {
  const line = `apiserver_current_inflight_requests{request_kind="readOnly"} ${reads + 1}\n`;
  while (!(await https.send("GET", "/metrics")).text.includes(line));
}

test("an answer that does not end is broken off, and leaves its place", async () => {
  const session = https.session();
  for (const http2 of [true, false]) {
    const [answer, cut] = http2 ? await dripOverHttp2(session) : await dripOverHttp1();
    await clock.advance(60_000);
    await cut;
    answer.destroy();
  }
  session.close();
  await readsUnderWay(0);
});

/** The answer, and what resolves when it breaks off. */
async function dripOverHttp2(session: ClientHttp2Session): Promise<readonly [Readable, Promise<unknown>]> {
  const stream = session.request({ ":path": "/drip" });
  await once(stream, "data");
  return [stream, assert.rejects(once(stream.resume(), "end"), { code: "ERR_HTTP2_STREAM_ERROR" })];
}

async function dripOverHttp1(): Promise<readonly [Readable, Promise<unknown>]> {
  const socket = connect({ host: "127.0.0.1", port: https.listener.port, ca: authority.certificate, ...asAdmin });
  socket.write("GET /drip HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(socket, "data");
  return [socket, once(socket.resume(), "close")];
}

test("an answer that nobody reads has a place until it is sent, for no longer than any request may take", async () => {
  const data = { filler: "x".repeat(900_000) };
  await https.send("POST", configMaps, { body: JSON.stringify({ metadata: { name: "large" }, data }) });
  const session = https.session();
  const stream = session.request({ ":path": configMaps });
  // Nothing is read but the head.
  await once(stream, "response");
  await readsUnderWay(1);
  const cut = assert.rejects(text(stream), { code: "ERR_HTTP2_STREAM_ERROR" });
  await clock.advance(60_000);
  await cut;
  session.close();
  await readsUnderWay(0);
  await https.send("DELETE", `${configMaps}/large`);
});

test("what nobody foresaw is a 500 and is logged, and the server goes on", async () => {
  const answer = await https.send("POST", configMaps, { body: body("broken") });
  assert.equal(answer.status, 500);
  assert.equal(JSON.parse(answer.text).message, "Internal error occurred: a programmer was wrong");
  assert.deepEqual(errors, ["a request failed unexpectedly"]);
  assert.equal((await https.send("GET", "/livez")).status, 200);
});

test("a sick part keeps the server from being ready, without saying why", async () => {
  const ready = await https.send("GET", "/readyz");
  assert.equal(ready.status, 500);
  assert.equal(ready.text, "[+]ping ok\n[+]well ok\n[-]ill failed: reason withheld\nreadyz check failed\n");
  assert.equal((await https.send("GET", "/livez")).status, 200);
  assert.equal((await https.send("GET", "/readyz?exclude=ill")).status, 200);
  assert.equal((await https.send("GET", "/readyz/nothing")).status, 404);
});

test("who sends no request in time is sent away", async () => {
  assert.match(await raw("GET /livez HTTP/1.1\r\nHost: x\r\n"), /^HTTP\/1\.1 408 /);
});

test("thousands of connections that say nothing, or half of it, keep nobody from being answered", async () => {
  const { port } = https.listener;
  const silent = Array.from({ length: 2_000 }, () => connectTcp({ host: "127.0.0.1", port }));
  await Promise.all(silent.map((socket) => once(socket, "connect")));
  const halves = Array.from({ length: 300 }, () => raw("GET /livez HTTP/1.1\r\nHost: x\r\n"));
  assert.equal((await https.send("GET", "/livez")).status, 200);
  for (const half of await Promise.all(halves)) assert.match(half, /^HTTP\/1\.1 408 /);
  assert.equal((await https.send("GET", "/livez")).status, 200);
  for (const socket of silent) socket.destroy();
});

test("a client that ends its handshake too late is cut off, also when it speaks HTTP/2", async (t) => {
  const impatient = await startHttpsServer({ limits: { handshakeTimeoutMs: 200 } });
  t.after(() => impatient.close());
  const tcp = connectTcp({ host: "127.0.0.1", port: impatient.listener.port });
  let hellos = 0;
  const slow = new Duplex({
    read: () => {},
    // The first message of the client goes out, and what ends the handshake stays.
    write: (chunk: Uint8Array, _, done) => void (hellos++ === 0 ? tcp.write(chunk, () => done()) : undefined),
  });
  tcp.on("data", (chunk) => slow.push(chunk));
  // Cut off with something unread, it is reset.
  tcp.on("error", () => {});
  const client = connect({ socket: slow, host: "127.0.0.1", ca: authority.certificate, ALPNProtocols: ["h2"] });
  await new Promise((resolve) => tcp.once("close", resolve));
  assert.ok(hellos > 0);
  client.destroy();
});

test("what is no HTTP is answered 400", async () => {
  assert.match(await raw("HELLO\r\n\r\n"), /^HTTP\/1\.1 400 /);
});

test("headers beyond their limit are answered 431", async () => {
  const header = `x-large: ${"x".repeat(70_000)}\r\n`;
  assert.match(await raw(`GET /livez HTTP/1.1\r\nHost: x\r\n${header}\r\n`), /^HTTP\/1\.1 431 /);
});

test("a body that breaks off leaves nothing behind", async () => {
  const head = `POST ${configMaps} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{`;
  const socket = connect({ host: "127.0.0.1", port: https.listener.port, ca: authority.certificate });
  await once(socket, "secureConnect");
  await new Promise<void>((resolve) => socket.write(head, () => resolve()));
  socket.destroy();
  // The only place for writes is free again when this one gets it.
  for (let status = 429; status === 429; )
    status = (await https.send("POST", configMaps, { body: JSON.stringify({ metadata: { generateName: "after-" } }) }))
      .status;
});

test("the server's close ends watches at once", async () => {
  const other = await startHttpsServer();
  const watch = await other.stream(`${configMaps}?watch=true`);
  const end = watch.next();
  await other.close();
  assert.equal(await end, "");
});

test("who speaks HTTP without TLS is told so", async () => {
  const socket = connectTcp(https.listener.port, "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk;
  });
  socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(socket, "close");
  assert.equal(answer, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
});

test("an upgrade that nothing at the path is for is not heard", async () => {
  for (const protocol of ["h2c", "websocket", "SPDY/3.1"]) {
    const head = `Host: x\r\nConnection: close, Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
    assert.match(await raw(`GET /livez HTTP/1.1\r\n${head}`), /^HTTP\/1\.1 200 /, protocol);
    assert.match(await raw(`GET /api/v1/namespaces/%zz/pods/a/exec HTTP/1.1\r\n${head}`), /^HTTP\/1\.1 400 /);
  }
});
