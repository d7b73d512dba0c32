// The whole cluster in a tab of a browser.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { buildBrowser } from "../../scripts/build-browser.ts";
import { inBrowser } from "../browser-page.ts";

before(async () => {
  await buildBrowser();
});

test("a cluster with 50 nodes runs in a tab, on its clock", async (t) => {
  const { startMs, nodes, ready } = await inBrowser<{ startMs: number; nodes: number; ready: number }>(`
    const startedMs = performance.now();
    const cluster = await roder.Cluster.start({ nodes: 50 });
    const startMs = performance.now() - startedMs;
    const { client } = cluster;
    const labels = { app: "web" };
    await client.create(roder.Deployments, {
      metadata: { name: "web", namespace: "default" },
      spec: {
        replicas: 100,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "main", image: "web:1" }] } },
      },
    });
    let ready = 0;
    for await (const event of client.watch(roder.Deployments, { signal: AbortSignal.timeout(60_000) })) {
      ready = event.object.status?.readyReplicas ?? 0;
      if (ready === 100) break;
    }
    const nodes = (await client.list(roder.Nodes)).items.length;
    await cluster.stop();
    return { startMs, nodes, ready };
  `);
  assert.deepEqual({ nodes, ready }, { nodes: 50, ready: 100 });
  t.diagnostic(`started in ${Math.round(startMs)} ms`);
});

test("in a tab too time can be moved, and the same seed gives the same history", async () => {
  const digests = await inBrowser<readonly string[]>(`
    const digests = [];
    for (const seed of [7, 7, 8]) {
      const storage = roder.recordedStorage(new roder.MemoryStorage());
      const cluster = await roder.Cluster.start({ nodes: 3, clock: "virtual", seed, storage });
      await cluster.advance("1h");
      await cluster.stop();
      digests.push(storage.digest);
    }
    return digests;
  `);
  assert.equal(digests[0], digests[1]);
  assert.notEqual(digests[0], digests[2]);
});

test("a cluster in a tab says that it cannot serve", async () => {
  const refusal = await inBrowser<string>(`
    try {
      await roder.Cluster.start({ serve: true });
    } catch (error) {
      return error.message;
    }
  `);
  assert.match(refusal, /a cluster in a browser cannot serve/);
});
