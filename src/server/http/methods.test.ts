import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect } from "node:tls";
import { aroundTests } from "../../../test/around-tests.ts";
import { authority, clientKey, type HttpsServer, startHttpsServer } from "../../../test/https-server.ts";
import type { Attributes, Authorizer } from "../authorization/index.ts";

let https: HttpsServer;
let asked: Attributes | undefined;

aroundTests(
  async () => {
    const authorizer: Authorizer = {
      authorize: async (attributes) => {
        asked = attributes;
        return { allowed: attributes.user.name !== "system:anonymous", reason: "" };
      },
    };
    https = await startHttpsServer({ authorizer });
  },
  () => https.close(),
);

const notThere: readonly (readonly [method: string, path: string, verb: string])[] = [
  ["PROPFIND", "/api/v1/pods", ""],
  ["OPTIONS", "/api/v1/namespaces/x/pods/y", ""],
  ["POST", "/api/v1/namespaces/x", "create"],
  ["PUT", "/api/v1/namespaces", "update"],
  ["PATCH", "/api/v1/namespaces", "patch"],
];

for (const [method, path, verb] of notThere)
  test(`who may not ask hears nothing of the methods of a path: ${method} ${path}`, async () => {
    assert.equal((await https.send(method, path, { key: null })).status, 403);
    assert.equal(asked?.verb, verb);
    const { status, text } = await https.send(method, path);
    assert.equal(status, 405);
    assert.match(text, /"the server does not allow this method on the requested resource","reason":"MethodNotAllowed"/);
    assert.equal((await https.send(method, path, { key: null, http2: true })).status, 403);
  });

/** The answer to a text, or to pieces that come one by one, from a server that closes the connection. */
async function raw(text: string | readonly string[], key?: typeof clientKey): Promise<string> {
  const credentials = key ? { key: key.privateKey, cert: key.certificate } : {};
  const socket = connect({ host: "127.0.0.1", port: https.listener.port, ca: authority.certificate, ...credentials });
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk;
  });
  // Each write is a record of TLS.
  for (const piece of typeof text === "string" ? [text] : text) socket.write(piece);
  await once(socket, "close");
  return answer;
}

test("so it is with methods that nobody knows", async () => {
  const hello = (path: string, more = "") => `HELLO ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
  assert.match(await raw(hello("/api/v1/pods")), /^HTTP\/1\.1 403 .*Audit-Id: .*cannot {2}resource/is);
  assert.match(await raw(hello("/api/v1/pods"), clientKey), /^HTTP\/1\.1 405 .*"MethodNotAllowed"/s);
  assert.match(await raw(hello("/version"), clientKey), /^HTTP\/1\.1 405 /);
  assert.match(await raw(hello("/api/v1/pods", "Impersonate-User: jane\r\n"), clientKey), /^HTTP\/1\.1 405 /);
  assert.equal(asked?.user.name, "jane");
  assert.match(await raw([hello("/version"), "{}"], clientKey), /^HTTP\/1\.1 405 /);
  assert.match(await raw(hello("/api/v1/pods", "no header\r\n")), /^HTTP\/1\.1 400 /);
  assert.match(await raw(hello("/api/v1/pods", "Content-Length: 5\r\n")), /^HTTP\/1\.1 400 /);
});

test("what follows a request and is none takes nothing from its answer, and is the connection's end", async () => {
  const to = (method: string, path: string) => `${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
  const deletion = to("DELETE", "/api/v1/namespaces/default/configmaps");
  // So Node's client sends the body of a DELETE unless it is told its length.
  for (const more of ['{"kind":"DeleteOptions"}', "{}\r\n\r\n"])
    assert.match(await raw(deletion + more, clientKey), /^HTTP\/1\.1 200 .*"ConfigMapList"/s);
  const expecting = "GET /version HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n";
  assert.match(await raw([expecting + deletion.replace("DELETE", "HELLO")]), /^HTTP\/1\.1 417 /);
  const both = await raw(`${deletion}${to("GET", "/version")}{}`, clientKey);
  assert.match(both, /^HTTP\/1\.1 200 .*"ConfigMapList".*HTTP\/1\.1 200 .*"gitVersion"/s);
});
