import assert from "node:assert/strict";
import { test } from "node:test";
import { Deployments, Pods } from "roder";
import { Previews } from "./preview.ts";
import { startScene } from "./scene.ts";

const key = { namespace: "default", name: "change-7" };
const preview = { metadata: key, spec: { image: "web:7", replicas: 3, lifetimeMinutes: 30 } };

test("a preview gets its pods, and is ready when they are", async () => {
  await using cluster = await startScene();
  await cluster.client.create(Previews, preview);
  await cluster.until(Previews, key, ({ status }) => status?.phase === "Ready");
  const { items } = await cluster.client.list(Pods, { namespace: "default", labelSelector: "preview=change-7" });
  assert.equal(items.filter(({ status }) => status.phase === "Running").length, 3);
});

test("a preview goes with everything that belongs to it when its time is over", async () => {
  await using cluster = await startScene();
  await cluster.client.create(Previews, preview);
  await cluster.advance("29m");
  assert.equal((await cluster.client.get(Previews, key)).status?.phase, "Ready");
  await cluster.advance("2m");
  await assert.rejects(cluster.client.get(Previews, key), { code: 404 });
  await cluster.untilGone(Deployments, key);
  assert.deepEqual((await cluster.client.list(Pods, { namespace: "default" })).items, []);
});

test("a preview without an image is refused", async () => {
  await using cluster = await startScene({ nodes: 0 });
  const spec = { replicas: 0, lifetimeMinutes: 30 };
  // What a person may write, against the type.
  await assert.rejects(cluster.client.create(Previews, { metadata: key, spec: spec as (typeof preview)["spec"] }), {
    code: 422,
    message: /spec\.replicas: Invalid value: 0.*spec\.image: Required value/,
  });
});

test("a preview whose node fails is ready again on another one", async () => {
  await using cluster = await startScene({ nodes: 2 });
  await cluster.client.create(Previews, { ...preview, spec: { ...preview.spec, lifetimeMinutes: 1_000 } });
  await cluster.until(Previews, key, ({ status }) => status?.phase === "Ready");
  cluster.nodes.get("node-0")?.fail();
  await cluster.until(Previews, key, ({ status }) => status?.phase === "Starting", { within: "2m" });
  // Pods stay for five minutes on a node that does not answer: it may come back.
  await cluster.until(Previews, key, ({ status }) => status?.phase === "Ready", { within: "10m" });
});

for (const seed of [1, 2, 3])
  test(`a preview becomes ready and goes, whatever the API refuses meanwhile: seed ${seed}`, async () => {
    await using cluster = await startScene({ seed });
    let hit = 0;
    cluster.faults.onFault = (what) => {
      if (what.includes("preview-operator")) hit++;
    };
    cluster.faults.rates = { errors: 0.2, lostAnswers: 0.2, delays: 0.2, duplicates: 0.2, brokenWatches: 0.1 };
    await cluster.client.create(Previews, preview);
    await cluster.until(Previews, key, ({ status }) => status?.phase === "Ready", { within: "10m" });
    await cluster.untilGone(Previews, key, { within: "1h" });
    assert.ok(hit > 0, "nothing went wrong");
  });
