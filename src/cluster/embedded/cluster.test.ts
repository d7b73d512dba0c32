import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Cluster, type ClusterOptions, Deployments, Events, MemoryStorage, Nodes, Pods, recordedStorage } from "roder";
import { fromKubeconfig, httpsClient } from "../../client/http/index.ts";
import { systemClock, systemRandom } from "../../lib/index.ts";

const faults = {
  ...{ errors: 0.02, lostAnswers: 0.02, conflicts: 0.05, crashes: 0.01 },
  ...{ delays: 0.05, duplicates: 0.05, brokenWatches: 0.01 },
};

async function start(t: TestContext, options: ClusterOptions): Promise<Cluster> {
  const cluster = await Cluster.start(options);
  t.after(() => cluster.stop());
  return cluster;
}

function deployment(name: string, replicas: number) {
  const labels = { app: name };
  return {
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "main", image: "app:1" }] } },
    },
  };
}

const readyReplicas = async (cluster: Cluster, name: string) =>
  (await cluster.client.get(Deployments, { namespace: "default", name })).status.readyReplicas;

test("a cluster lives inside one program: a Deployment's pods run on its nodes as time passes", async (t) => {
  const cluster = await start(t, { nodes: 3, clock: "virtual", seed: 7 });
  await cluster.client.create(Deployments, deployment("web", 30));
  await cluster.advance("10s");
  assert.equal(await readyReplicas(cluster, "web"), 30);
  const pods = (await cluster.client.list(Pods, { namespace: "default" })).items;
  assert.deepEqual([...new Set(pods.map(({ spec }) => spec.nodeName))].sort(), ["node-0", "node-1", "node-2"]);
  const node = await cluster.client.get(Nodes, { name: pods[0]?.spec.nodeName ?? "" });
  assert.ok(pods[0]?.status.podIP?.startsWith(node.spec.podCIDR?.replace("0/24", "") ?? "?"));
});

test("on the real clock a cluster runs without being driven, and time cannot be moved", async (t) => {
  const cluster = await start(t, {});
  await cluster.client.create(Deployments, deployment("web", 1));
  for await (const event of cluster.client.watch(Deployments, { signal: AbortSignal.timeout(10_000) })) {
    if (event.type !== "BOOKMARK" && event.object.status.readyReplicas === 1) break;
  }
  await assert.rejects(cluster.advance("1s"), /start the cluster with a virtual clock/);
  assert.throws(() => cluster.faults, /start the cluster with a virtual clock/);
});

test("how nodes begin is told once", async (t) => {
  const cluster = await start(t, { nodes: 5, clock: "virtual" });
  await cluster.advance("1m");
  const { items } = await cluster.client.list(Events, { fieldSelector: "involvedObject.kind=Node" });
  assert.equal(items.length, 5 * 6);
  assert.deepEqual(
    items.filter(({ count }) => count !== 1).map(({ reason }) => reason),
    [],
  );
});

async function history(seed: number, rates: ClusterOptions["faults"]): Promise<string> {
  const storage = recordedStorage(new MemoryStorage());
  const cluster = await Cluster.start({
    nodes: 5,
    clock: "virtual",
    seed,
    storage,
    ...(rates ? { faults: rates } : {}),
  });
  const hit = new Set<string>();
  cluster.faults.onFault = (what) => hit.add(what.replace(/.* by ((?:system:\w+)|kubernetes-admin).*/, "$1"));
  await cluster.client.create(Deployments, deployment("web", 10));
  await cluster.advance("2m");
  cluster.nodes.get("node-1")?.fail();
  await cluster.advance("10m");
  await cluster.stop();
  // Nodes and controllers meet them, and nobody who administers the cluster.
  for (const user of ["system:node", "system:serviceaccount"]) assert.equal(hit.has(user), rates !== undefined);
  assert.ok(!hit.has("kubernetes-admin"));
  return storage.digest;
}

for (const [what, rates] of [
  ["without faults", undefined],
  ["with faults", faults],
] as const) {
  test(`the same seed gives the same history, another one another: ${what}`, async () => {
    const first = await history(7, rates);
    assert.equal(await history(7, rates), first);
    assert.notEqual(await history(8, rates), first);
  });
}

test("a node that fails is noticed, and its pods are replaced elsewhere", async (t) => {
  const cluster = await start(t, { nodes: 2, clock: "virtual" });
  await cluster.client.create(Deployments, deployment("web", 4));
  await cluster.advance("10s");
  cluster.nodes.get("node-0")?.fail();
  await cluster.advance("60s");
  const ready = async () =>
    (await cluster.client.get(Nodes, { name: "node-0" })).status.conditions?.find(({ type }) => type === "Ready");
  assert.equal((await ready())?.status, "Unknown");
  await cluster.advance("6m");
  assert.equal(await readyReplicas(cluster, "web"), 4);
  await cluster.nodes.get("node-0")?.start();
  await cluster.advance("1m");
  assert.equal((await ready())?.status, "True");
});

test("who looks at requests sees whose doing everything is, the administrator's and the components'", async (t) => {
  const creators = new Map<string, string>();
  const cluster = await start(t, {
    clock: "virtual",
    through: (api) => ({
      handle(request, user) {
        if (request.verb === "create" && request.subresource === undefined) creators.set(request.plural, user.name);
        return api.handle(request, user);
      },
    }),
  });
  await cluster.client.create(Deployments, deployment("web", 1));
  await cluster.advance("1s");
  const of = (controller: string) => `system:serviceaccount:kube-system:${controller}`;
  assert.deepEqual(
    ["deployments", "replicasets", "pods"].map((plural) => creators.get(plural)),
    ["kubernetes-admin", of("deployment-controller"), of("replicaset-controller")],
  );
});

test("a cluster that serves is reached over HTTPS with its kubeconfig", async (t) => {
  const cluster = await start(t, { serve: true });
  const directory = mkdtempSync(join(tmpdir(), "roder-embedded-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "kubeconfig");
  writeFileSync(file, cluster.kubeconfig, { mode: 0o600 });
  const client = httpsClient({ ...(await fromKubeconfig(file)), clock: systemClock, random: systemRandom });
  t.after(() => client.close());
  assert.equal((await client.list(Nodes)).items.length, 1);
});

test("a cluster that does not serve has no kubeconfig, and says how to get one", async (t) => {
  const cluster = await start(t, { nodes: 0, clock: "virtual" });
  assert.throws(() => cluster.kubeconfig, /start it with serve/);
});

test("a profile decides how containers behave", async (t) => {
  const cluster = await start(t, {
    nodes: 1,
    clock: "virtual",
    profile: {
      machine: { cpus: 2, memory: "4Gi" },
      zones: ["a"],
      containers: [
        { image: "slow:*", ready: "20s" },
        { image: "job:*", exit: "5s", exitCode: 3 },
      ],
    },
  });
  const node = await cluster.client.get(Nodes, { name: "node-0" });
  assert.equal(node.status.capacity?.cpu, "2");
  assert.equal(node.metadata.labels?.["topology.kubernetes.io/zone"], "a");
  const create = (name: string, image: string) => {
    const readinessProbe = { httpGet: { port: 80 }, periodSeconds: 1 };
    const containers = [{ name: "main", image, ...(image.startsWith("slow") ? { readinessProbe } : {}) }];
    return cluster.client.create(Pods, { metadata: { name, namespace: "default" }, spec: { containers } });
  };
  await create("slow", "slow:2");
  await create("job", "job:1");
  const conditionOf = async (name: string) =>
    (await cluster.client.get(Pods, { namespace: "default", name })).status.conditions?.find(
      ({ type }) => type === "Ready",
    )?.status;
  await cluster.advance("15s");
  assert.equal(await conditionOf("slow"), "False");
  const job = await cluster.client.get(Pods, { namespace: "default", name: "job" });
  assert.equal(job.status.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 3);
  await cluster.advance("10s");
  assert.equal(await conditionOf("slow"), "True");
});

test("a clock that there is not is refused, as JavaScript may ask for it", async () => {
  // What a slip of the pen is without types.
  const options = { clock: "virtuel" } as unknown as ClusterOptions;
  await assert.rejects(Cluster.start(options), { message: 'there is no clock "virtuel": "real" or "virtual"' });
});

test("a profile that is wrong is refused with everything that is wrong with it", async () => {
  const profile = { zone: "a", start: "soon", containers: [{ failure: 2 }] };
  // What a file may hold.
  await assert.rejects(Cluster.start({ profile: profile as ClusterOptions["profile"] & {} }), (error: Error) => {
    assert.match(error.message, /start: .*"soon"/);
    assert.match(error.message, /containers\[0\]\.failure/);
    assert.match(error.message, /unknown field "zone"/);
    return true;
  });
});
