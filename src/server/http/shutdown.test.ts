import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { startHttpsServer } from "../../../test/https-server.ts";
import type { AdmissionPlugin } from "../admission/admission.ts";

const configMaps = "/api/v1/namespaces/default/configmaps";

test("a server that ends finishes the requests under way, ends the watches and takes no more connections", async () => {
  let letGo: () => void = () => {};
  const arrived = Promise.withResolvers<void>();
  const plugin: AdmissionPlugin = {
    name: "test",
    admit: ({ name }) => {
      if (name !== "slow") return;
      arrived.resolve();
      return new Promise((resolve) => {
        letGo = resolve;
      });
    },
  };
  const https = await startHttpsServer({ admission: [plugin] });
  const watch = await https.stream(`${configMaps}?watch=true`);
  const slow = https.send("POST", configMaps, { body: JSON.stringify({ metadata: { name: "slow" } }) });
  await arrived.promise;
  const session = https.session();
  const overHttp2 = session.request({ ":path": `${configMaps}?watch=true` });
  overHttp2.resume();
  await once(overHttp2, "response");
  const ended = once(overHttp2, "end");
  let isClosed = false;
  const closed = https.close().then(() => {
    isClosed = true;
  });
  assert.equal(await watch.next(), "", "the watch has ended");
  await ended;
  assert.equal(isClosed, false, "a request is under way");
  await assert.rejects(https.send("GET", "/version"), /ECONNREFUSED/);
  letGo();
  assert.equal((await slow).status, 201);
  await closed;
});
