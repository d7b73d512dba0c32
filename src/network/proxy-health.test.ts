import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger, VirtualClock } from "../lib/index.ts";
import { type ProxyState, proxyHealth, serveProxyHealth } from "./proxy-health.ts";

test("a proxy is healthy once its rules are written, until changes wait for a minute", () => {
  const codeOf = (state: ProxyState) => proxyHealth(state, 100_000).code;
  assert.equal(codeOf({ writtenAtMs: undefined, waitsSinceMs: 99_000 }), 503);
  assert.equal(codeOf({ writtenAtMs: 10_000, waitsSinceMs: undefined }), 200);
  assert.equal(codeOf({ writtenAtMs: 10_000, waitsSinceMs: 40_000 }), 200);
  assert.equal(codeOf({ writtenAtMs: 10_000, waitsSinceMs: 39_000 }), 503);
  assert.deepEqual(proxyHealth({ writtenAtMs: 10_000, waitsSinceMs: 90_000 }, 100_000).body, {
    lastUpdated: "1970-01-01T00:00:10Z",
    currentTime: "1970-01-01T00:01:40Z",
    nodeEligible: true,
  });
});

test("Networking should check kube-proxy urls: health and mode are told, and a port that is taken is left alone", async (t) => {
  const state = () => ({ writtenAtMs: 1, waitsSinceMs: undefined });
  const options = { state, address: "127.0.0.1", clock: new VirtualClock(), log: silentLogger };
  const first = await serveProxyHealth({ ...options, port: 0, statusPort: 0 });
  t.after(() => first.close());
  const { port = 0, statusPort = 0 } = first;
  const second = await serveProxyHealth({ ...options, port, statusPort });
  assert.deepEqual([second.port, second.statusPort], [undefined, undefined]);
  second.close();
  const get = async (path: string, at: number) => {
    const response = await fetch(`http://127.0.0.1:${at}${path}`);
    return [response.status, await response.text()] as const;
  };
  const [code, body] = await get("/healthz", port);
  assert.equal(code, 200);
  assert.ok("lastUpdated" in JSON.parse(body));
  assert.deepEqual(await get("/proxyMode", statusPort), [200, "nftables"]);
  assert.deepEqual(await get("/healthz", statusPort), [200, "ok"]);
  assert.equal((await get("/else", port))[0], 404);
});
