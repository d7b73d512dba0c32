import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { aroundTests } from "../../../../test/around-tests.ts";
import { VirtualClock } from "../../../lib/index.ts";
import type { Backend } from "./backend.ts";
import { answerOf, ask, passedHeaders, tunnel } from "./forward.ts";

/** A backend that upgrades at /echo and refuses elsewhere, and a front that tunnels to it. */
let backend: Server;
let front: Server;
let seen: IncomingHttpHeaders = {};
let failure: unknown;

const portOf = (server: Server) => (server.address() as AddressInfo).port; // a listening server has one

const noTls = { certificate: "", key: "", ca: "" };
const clock = new VirtualClock();
/** All that is read of it. */
const asking = { method: "GET", headers: { upgrade: "echo" }, socket: {} } as IncomingMessage;

/** The backend, or where nothing listens. */
function target(path: string): Backend {
  const port = path === "/down" ? 1 : portOf(backend);
  return { protocol: "http:", host: "127.0.0.1", port, path, trust: { kind: "anyone" } };
}

aroundTests(
  async () => {
    backend = createServer((message, response) => {
      seen = message.headers;
      response.writeHead(403, { "Content-Type": "text/plain" }).end("not for you");
    });
    backend.on("upgrade", (message: IncomingMessage, socket: Duplex, head: Buffer) => {
      seen = message.headers;
      if (message.url === "/last-words") {
        socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfarewell");
        return;
      }
      if (message.url === "/never") return;
      if (message.url === "/silent") {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
        return;
      }
      if (message.url !== "/echo") return void socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno");
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Chosen: one\r\n\r\n");
      socket.write(head);
      socket.pipe(socket);
    });
    front = createServer();
    front.on("upgrade", (message: IncomingMessage, socket: Duplex, head: Buffer) => {
      const added = { warning: ['299 - "one"', '299 - "zwölf"'] };
      tunnel(target(message.url ?? "/"), message, socket, head, { tls: noTls, clock, added, lingerMs: 1 }).catch(
        (error) => {
          failure = error;
          socket.end("HTTP/1.1 500 Down\r\n\r\n");
        },
      );
    });
    for (const server of [backend, front]) {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    }
  },
  () => {
    for (const server of [backend, front]) server.close();
  },
);

function upgrade(path: string, headers: Record<string, string> = {}) {
  const all = { Connection: "Upgrade", Upgrade: "echo", ...headers };
  const asked = request({ host: "127.0.0.1", port: portOf(front), path, headers: all, agent: false });
  asked.end();
  return asked;
}

test("both directions of an upgraded connection are joined, and its head is the backend's", async () => {
  const [answer, socket] = await once(upgrade("/echo"), "upgrade");
  assert.equal(answer.headers["x-chosen"], "one");
  socket.write("hello");
  assert.equal(String((await once(socket, "data"))[0]), "hello");
  socket.end();
  await once(socket, "close");
});

test("a client that reads slowly gets what the backend wrote before it ended", async () => {
  const received: Buffer[] = [];
  const writes: (() => void)[] = [];
  const client = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      received.push(chunk);
      writes.push(done);
    },
  });
  const ended = once(backend, "upgrade").then(([, socket]) => once(socket, "close"));
  const message = asking;
  await tunnel(target("/last-words"), message, client, Buffer.alloc(0), { tls: noTls, clock });
  await ended;
  const closed = once(client, "close");
  client.push(null);
  // Nothing was taken so far but the head.
  for (let at = 0; at < writes.length; at++) {
    writes[at]?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await closed;
  assert.match(Buffer.concat(received).toString(), /\r\n\r\nfarewell$/);
});

test("what the backend wrote last arrives although it took no input any more", async () => {
  const received: Buffer[] = [];
  const client = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      received.push(chunk);
      done();
    },
  });
  const upgraded = once(backend, "upgrade");
  const message = asking;
  await tunnel(target("/silent"), message, client, Buffer.alloc(0), { tls: noTls, clock });
  const [, socket] = await upgraded;
  // All in one turn: the tunnel had no chance to read before it writes.
  socket.write("last words");
  socket.resetAndDestroy();
  client.push("input");
  client.push("more");
  await once(client, "finish");
  assert.match(Buffer.concat(received).toString(), /\r\n\r\nlast words$/);
});

test("the connection of a client that sends what nobody takes any more closes when it ends", async () => {
  const [, socket] = await once(upgrade("/last-words"), "upgrade");
  socket.resume();
  socket.end("input that nobody takes");
  await once(socket, "close");
});

test("warnings of admission stand in the head of an upgraded connection", async () => {
  const [answer, socket] = await once(upgrade("/echo"), "upgrade");
  assert.equal(answer.headers.warning, '299 - "one", 299 - "zwölf"');
  socket.destroy();
});

test("a refusal of the backend is the client's answer", async () => {
  const [answer] = await once(upgrade("/other"), "response");
  assert.equal(answer.statusCode, 400);
  assert.equal(await text(answer), "no");
});

test("what the client shows to the API server is not shown to the backend", async () => {
  const [answer] = await once(
    upgrade("/other", {
      Authorization: "Bearer secret",
      "Impersonate-User": "someone",
      "X-Stream-Protocol-Version": "v4.channel.k8s.io",
      "Sec-WebSocket-Protocol": "base64url.bearer.authorization.k8s.io.c2VjcmV0, v4.channel.k8s.io",
    }),
    "response",
  );
  answer.resume();
  assert.equal(seen.authorization, undefined);
  assert.equal(seen["impersonate-user"], undefined);
  assert.equal(seen["sec-websocket-protocol"], "v4.channel.k8s.io");
  assert.equal(seen["x-stream-protocol-version"], "v4.channel.k8s.io");
});

test("a backend that cannot be reached is an error before anything was answered", async () => {
  const [answer] = await once(upgrade("/down"), "response");
  answer.resume();
  assert.match(String(failure), /ECONNREFUSED|EACCES/);
});

test("a backend that does not answer the wish to upgrade is given up after a minute", async () => {
  const came = once(backend, "upgrade");
  const answered = once(upgrade("/never"), "response");
  const [, socket] = await came;
  clock.advance(60_000);
  const [answer] = await answered;
  answer.resume();
  socket.destroy();
  assert.match(String(failure), /no answer within 60 seconds/);
});

test("a backend that reads no more does not keep the connection of a client that is gone", async () => {
  const made = new Promise<Socket>((resolve) => {
    const listener = (message: unknown) => {
      unsubscribe("net.client.socket", listener);
      resolve((message as { readonly socket: Socket }).socket); // what the channel carries
    };
    subscribe("net.client.socket", listener);
  });
  const client = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const upgraded = once(backend, "upgrade");
  await tunnel(target("/silent"), asking, client, Buffer.alloc(0), { tls: noTls, clock, lingerMs: 1 });
  const [, socket] = await upgraded;
  // More than the machine keeps for a connection.
  client.push(Buffer.alloc(64 * 1024 * 1024));
  const ours = await made;
  while (ours.writableLength === 0) await new Promise((resolve) => setImmediate(resolve));
  const closed = once(ours, "close");
  client.destroy();
  await closed;
  socket.destroy();
});

test("a backend that answers with what is none is one that did not answer", async () => {
  const answers: Readonly<Record<string, string>> = {
    "101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: unasked": "the backend did not answer the request",
    "600 Strange": "the backend answered with the status 600",
    "099 Strange": "the backend answered with the status 99",
  };
  for (const [answer, why] of Object.entries(answers)) {
    const strange = createTcpServer((socket) => socket.end(`HTTP/1.1 ${answer}\r\nContent-Length: 2\r\n\r\nhi`));
    strange.listen(0, "127.0.0.1");
    await once(strange, "listening");
    const { port } = strange.address() as AddressInfo; // it listens
    const asked = ask({ ...target("/"), port }, "GET", {}, noTls);
    asked.end();
    await assert.rejects(answerOf(asked), { message: why });
    strange.close();
  }
});

test("headers of one connection are not passed on", () => {
  const passed = passedHeaders({ connection: "close", te: "trailers", "transfer-encoding": "chunked", cookie: "a=b" });
  assert.deepEqual(passed, { cookie: "a=b" });
  const named = passedHeaders({
    connection: "close, X-Hop,content-length",
    "x-hop": "a",
    "content-length": "2",
    a: "b",
  });
  assert.deepEqual(named, { "content-length": "2", a: "b" });
  assert.deepEqual(passedHeaders({ "http2-settings": "AAMAAABk" }), {});
});

test("a token that came as a protocol of WebSockets is not passed on, whether or not the request upgrades", () => {
  const token = "base64url.bearer.authorization.k8s.io.c2VjcmV0";
  assert.deepEqual(passedHeaders({ "sec-websocket-protocol": token }), {});
  assert.deepEqual(passedHeaders({ "sec-websocket-protocol": `${token}, a` }), { "sec-websocket-protocol": "a" });
});

test("backends are told through whose hands a request came", async () => {
  const [answer] = await once(upgrade("/other", { "X-Forwarded-For": "192.0.2.1" }), "response");
  answer.resume();
  assert.equal(seen["x-forwarded-for"], "192.0.2.1, 127.0.0.1");
});
