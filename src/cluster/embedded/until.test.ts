import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster, ConfigMaps, Deployments, defineController, Namespaces, Pods, Secrets } from "roder";

const web = { namespace: "default", name: "web" };
const pod = { metadata: web, spec: { containers: [{ name: "main", image: "web:1" }] } };

for (const clock of ["virtual", "real"] as const) {
  test(`an object is awaited until it is as one wants it, with a ${clock} clock`, async () => {
    await using cluster = await Cluster.start({ clock });
    await cluster.client.create(Pods, pod);
    const running = await cluster.until(Pods, web, ({ status }) => status.phase === "Running");
    assert.equal(running.spec.nodeName, "node-0");
    await cluster.client.delete(Pods, web);
    await cluster.untilGone(Pods, web);
    await assert.rejects(cluster.client.get(Pods, web), { code: 404 });
  });
}

test("who waits in vain is told the time, the condition and the status, and no more of the object", async () => {
  await using cluster = await Cluster.start({ nodes: 0, clock: "virtual" });
  const { client, clock } = cluster;
  await client.create(Pods, pod);
  const before = clock.now();
  await assert.rejects(
    cluster.until(Pods, web, ({ status }) => status.phase === "Running", { within: "30s" }),
    /^Error: Pod default\/web: after 30s still not .*status\.phase === "Running"; its status is .*no nodes available to schedule pods/,
  );
  assert.ok(clock.now() - before < 31_000);
  await assert.rejects(
    cluster.until(Deployments, web, () => true, { within: 5 }),
    /Deployment default\/web: after 5 ms still not .*it is not there/,
  );
  await client.create(Secrets, { metadata: web, stringData: { password: "hunter2" } });
  await assert.rejects(cluster.untilGone(Secrets, web), (error: Error) => {
    assert.equal(error.message, "Secret default/web: after 1m still not gone; its status is not there");
    return true;
  });
});

const copier = defineController({
  name: "copier",
  watches: { for: Namespaces },
  async reconcile({ client }, name) {
    if (name.startsWith("team-")) await client.create(ConfigMaps, { metadata: { name: "welcome", namespace: name } });
  },
});

test("a controller of a test's own runs until it is ended, and another one after it", async () => {
  await using cluster = await Cluster.start({ nodes: 0, clock: "virtual" });
  const { client } = cluster;
  const end = cluster.run([copier]);
  await client.create(Namespaces, { metadata: { name: "team-a" } });
  await cluster.until(ConfigMaps, { namespace: "team-a", name: "welcome" }, () => true);
  await end();
  await client.create(Namespaces, { metadata: { name: "team-b" } });
  await cluster.advance("1m");
  await assert.rejects(client.get(ConfigMaps, { namespace: "team-b", name: "welcome" }), { code: 404 });
  cluster.run([copier]);
  await cluster.until(ConfigMaps, { namespace: "team-b", name: "welcome" }, () => true);
});

test("a controller of a test's own may do what the roles of its account allow", async () => {
  await using cluster = await Cluster.start({ nodes: 0, clock: "virtual" });
  const as = { name: "system:serviceaccount:default:copier", groups: ["system:authenticated"] };
  cluster.run([copier], { as });
  await cluster.client.create(Namespaces, { metadata: { name: "team-a" } });
  const welcome = { namespace: "team-a", name: "welcome" };
  await assert.rejects(
    cluster.until(ConfigMaps, welcome, () => true),
    /it is not there/,
  );
});

test("clusters of one program know nothing of each other", async () => {
  const clusters = await Promise.all([1, 2, 3].map(() => Cluster.start({ nodes: 0, clock: "virtual" })));
  const [first, ...others] = clusters;
  await first?.client.create(ConfigMaps, { metadata: { name: "a", namespace: "default" } });
  for (const { client } of others)
    await assert.rejects(client.get(ConfigMaps, { namespace: "default", name: "a" }), { code: 404 });
  await Promise.all(clusters.map((cluster) => cluster.stop()));
});
