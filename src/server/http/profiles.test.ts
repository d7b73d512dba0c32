import assert from "node:assert/strict";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import { type HttpsServer, janeKey, startHttpsServer } from "../../../test/https-server.ts";
import { systemClock } from "../../lib/index.ts";
import { processProfiler } from "../host/index.ts";

let https: HttpsServer;
aroundTests(
  async () => {
    https = await startHttpsServer({
      profiler: processProfiler(systemClock),
      authorizer: {
        authorize: async ({ user, path = "" }) => ({
          allowed: user.name === "admin" || !path.startsWith("/debug"),
          reason: "",
        }),
      },
    });
  },
  () => https.close(),
);

test("profiles are for who may get their paths", async () => {
  for (const path of ["/debug/pprof", "/debug/pprof/heap", "/debug/pprof/profile"])
    assert.equal((await https.send("GET", path, { key: janeKey })).status, 403);
  assert.equal((await https.send("GET", "/debug/pprof/nothing")).status, 404);
  assert.match((await https.send("GET", "/debug/pprof/")).text, /heapsnapshot/);
});

test("a profile of the processor can be read by V8's tools, and one is taken at a time", async () => {
  const [first, second] = await Promise.all([
    https.send("GET", "/debug/pprof/profile?seconds=1"),
    https.send("GET", "/debug/pprof/profile?seconds=1"),
  ]);
  const [taken, refused] = first.status === 200 ? [first, second] : [second, first];
  assert.deepEqual([taken.status, refused.status], [200, 429]);
  assert.ok(JSON.parse(taken.text).nodes.length > 0);
  for (const seconds of ["0", "51", "x"])
    assert.equal((await https.send("GET", `/debug/pprof/profile?seconds=${seconds}`)).status, 400);
});

test("a snapshot of the heap can be read by V8's tools", async () => {
  const answer = await https.send("GET", "/debug/pprof/heap");
  assert.equal(answer.status, 200);
  assert.ok(JSON.parse(answer.text).snapshot.node_count > 1000);
});
