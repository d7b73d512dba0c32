import assert from "node:assert/strict";
import { createServer as createPlainServer } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import { issue } from "../../cluster/pki/certificate.ts";
import { systemClock, systemRandom, VirtualClock } from "../../lib/index.ts";
import { httpsWebhookCaller } from "./webhook-caller.ts";

const nowMs = systemClock.now();
const validity = { notBeforeMs: nowMs - 86_400_000, notAfterMs: nowMs + 86_400_000 };
const authority = issue({ commonName: "hook-ca", usage: "authority", ...validity }, systemRandom);
const alternativeNames = ["hook.shop.svc", "127.0.0.1"];
const keys = issue({ commonName: "hook", usage: "server", alternativeNames, ...validity }, systemRandom, authority);

let server: Server;
let port: number;
aroundTests(
  async () => {
    server = createServer({ key: keys.privateKey, cert: keys.certificate }, async (request, response) => {
      const body = (await request.toArray()).join("");
      if (request.url === "/silent") return;
      if (request.url === "/broken") return void response.writeHead(500).end("no review\n");
      if (request.url === "/gone") return void response.writeHead(404).end();
      if (request.url === "/empty") return void response.writeHead(200, { "content-type": "text/x" }).end();
      if (request.url === "/text") return void response.end("not json");
      if (request.url === "/long") return void response.end(Buffer.alloc(20 * 1024 * 1024, " "));
      response.end(JSON.stringify({ url: request.url, host: request.headers.host, body: JSON.parse(body) }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port; // it listens on a port
  },
  () => {
    server.closeAllConnections();
    server.close();
  },
);

const request = (path: string, more: object = {}) => ({
  url: `https://127.0.0.1:${port}${path}`,
  authority: authority.certificate,
  body: { x: 1 },
  timeoutMs: 10_000,
  ...more,
});

test("a webhook gets the body and its answer is read", async () => {
  const call = httpsWebhookCaller(systemClock);
  assert.deepEqual(await call(request("/a?timeout=10s")), {
    url: "/a?timeout=10s",
    host: `127.0.0.1:${port}`,
    body: { x: 1 },
  });
});

test("a service is reached at an address and must prove its name", async () => {
  const call = httpsWebhookCaller(systemClock);
  const address = { host: "127.0.0.1", port };
  const answer = await call(request("", { url: "https://hook.shop.svc:443/b", address }));
  assert.deepEqual(answer, { url: "/b", host: "hook.shop.svc", body: { x: 1 } });
  await assert.rejects(call(request("", { url: "https://other.shop.svc:443/b", address })), {
    message:
      "tls: failed to verify certificate: x509: certificate is valid for hook.shop.svc, 127.0.0.1, not other.shop.svc",
  });
  const { authority: _, ...strange } = request("/a");
  const unknown = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
  await assert.rejects(call(strange), { message: unknown });
});

test("a webhook that cannot be reached is told of as Go tells it", async () => {
  const call = httpsWebhookCaller(systemClock);
  const plain = createPlainServer((_, response) => response.end());
  const closing = createTcpServer((socket) => socket.destroy());
  const table: readonly (readonly [TcpServer, string])[] = [
    [plain, "http: server gave HTTP response to HTTPS client"],
    [closing, "EOF"],
  ];
  for (const [other, message] of table) {
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const at = (other.address() as AddressInfo).port; // it listens on a port
    await assert.rejects(call(request("", { url: `https://127.0.0.1:${at}/` })), { message });
    await new Promise((resolve) => other.close(resolve));
    const refused = `dial tcp 127.0.0.1:${at}: connect: connection refused`;
    await assert.rejects(call(request("", { url: `https://127.0.0.1:${at}/` })), { message: refused });
  }
});

test("answers that are errors, no JSON or without end are refused", async () => {
  const call = httpsWebhookCaller(systemClock);
  const sentence = (path: string, message: string) => assert.rejects(call(request(path)), { message });
  await sentence("/broken", 'an error on the server ("no review") has prevented the request from succeeding');
  await sentence("/gone", "the server could not find the requested resource");
  await sentence(
    "/text",
    "couldn't get version/kind; json parse error: invalid character 'o' in literal null (expecting 'u')",
  );
  await sentence("/empty", "0-length response with status code: 200 and content type: text/x");
  await assert.rejects(call(request("/long")), /the answer is longer than/);
});

test("a webhook that does not answer in time is left", async () => {
  const clock = new VirtualClock();
  const call = httpsWebhookCaller(clock);
  const waiting = assert.rejects(call(request("/silent", { timeoutMs: 5_000 })), /context deadline exceeded/);
  await clock.advance(5_000);
  await waiting;
  const stop = new AbortController();
  const stopped = assert.rejects(call(request("/silent", { signal: stop.signal })), { name: "AbortError" });
  stop.abort();
  await stopped;
});

test("an answer can be text", async () => {
  const call = httpsWebhookCaller(systemClock);
  assert.equal(await call(request("/text", { answers: "text" })), "not json");
});
