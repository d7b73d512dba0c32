// What conformance asks of Deployments, ReplicaSets and ReplicationControllers beyond their rules: their lives, and their
// scale by the subresource, with pods that run.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  type Deployment,
  Deployments,
  type KubeObject,
  type NewObject,
  Nodes,
  type Pod,
  Pods,
  type ReplicaSet,
  ReplicaSets,
  ReplicationControllers,
  type ResourceReference,
  type Scale,
} from "../src/api/index.ts";
import { startTestControlPlane } from "./control-plane.ts";
import { createNodes, playNodes, renewLeases } from "./pretended-nodes.ts";

const nodes = ["node-1"];
const namespace = "default";
const key = { namespace, name: "web" };
const labels = { app: "web" };
const container = { name: "c", image: "example.com/c:1" };
const template = { metadata: { labels }, spec: { containers: [container] } };
const merge = { type: "application/merge-patch+json" } as const;
const replicated = (replicas: number) => ({ replicas, selector: { matchLabels: labels }, template });

async function scene(t: TestContext) {
  const plane = await startTestControlPlane(t);
  await createNodes(plane, nodes);
  return {
    ...plane,
    /** Pods start, end and go; then so much time passes. */
    async pass(ms = 0): Promise<void> {
      do {
        await renewLeases(plane, nodes);
        await plane.rest(500);
      } while ((await playNodes(plane, nodes)) > 0);
      for (let passedMs = 0; passedMs < ms; passedMs += 10_000) {
        await renewLeases(plane, nodes);
        await plane.rest(Math.min(10_000, ms));
      }
    },
    async running(): Promise<number> {
      return (await plane.list(Pods, namespace)).filter(({ status }) => status.phase === "Running").length;
    },
  };
}

test("Deployment, completes the lifecycle of a Deployment: made, patched, scaled, its status read and patched, deleted", async (t) => {
  const { client, create, pass, running, list } = await scene(t);
  const deployment: NewObject<Deployment> = { metadata: { ...key, labels }, spec: replicated(2) };
  await create(Deployments, deployment);
  await pass();
  const made = await client.get(Deployments, key);
  assert.deepEqual([made.status.readyReplicas, made.status.availableReplicas, await running()], [2, 2, 2]);
  const change = { metadata: { labels: { ...labels, stage: "patched" } }, spec: { replicas: 3 } };
  const patched = await client.patch(
    Deployments,
    key,
    { ...change, spec: { ...change.spec, template: { spec: { containers: [{ ...container, image: "other" }] } } } },
    { type: "application/strategic-merge-patch+json" },
  );
  assert.equal(patched.metadata.labels?.stage, "patched");
  await pass();
  const images = (await list(Pods, namespace)).map(({ spec }) => spec.containers[0]?.image);
  assert.deepEqual(images, ["other", "other", "other"]);
  const { items } = await client.list(Deployments, { labelSelector: "stage=patched" });
  assert.equal(items.length, 1);
  const status = { conditions: [{ type: "StatusPatched", status: "True" }] };
  const reported = await client.patch(Deployments, key, { status }, { ...merge, subresource: "status" });
  assert.ok(reported.status.conditions?.some(({ type }) => type === "StatusPatched"));
  await pass();
  // The controller's own conditions come back, and the other's stays.
  const after = await client.get(Deployments, key, { subresource: "status" });
  const types = after.status.conditions?.map(({ type }) => type).sort();
  assert.deepEqual(types, ["Available", "Progressing", "StatusPatched"]);
  await client.delete(Deployments, key);
  await pass(10_000);
  assert.deepEqual([await list(Deployments), await list(ReplicaSets), await list(Pods)], [[], [], []]);
});

const scaled: readonly [behaviour: string, resource: ResourceReference<Deployment> | ResourceReference<ReplicaSet>][] =
  [
    ["Deployment, completes the scaling of a Deployment subresource", Deployments],
    ["ReplicaSet, completes the scaling of a ReplicaSet subresource", ReplicaSets],
  ];
for (const [behaviour, either] of scaled) {
  test(`${behaviour}: it is read, updated and patched, and the pods follow`, async (t) => {
    const { client, create, pass, running } = await scene(t);
    // Both kinds have these fields.
    const resource = either as ResourceReference<ReplicaSet>;
    await create(resource, { metadata: key, spec: replicated(1) });
    await pass();
    assert.equal(await running(), 1);
    // What this subresource gives.
    const scale = async () => (await client.get(resource, key, { subresource: "scale" })) as KubeObject as Scale;
    const first = await scale();
    assert.deepEqual([first.spec?.replicas, first.status?.replicas, first.status?.selector], [1, 1, "app=web"]);
    const two = { ...first, spec: { replicas: 2 } };
    await client.update(resource, two as KubeObject as ReplicaSet, { subresource: "scale" });
    await pass();
    const second = await scale();
    assert.deepEqual([second.spec?.replicas, second.status?.replicas, await running()], [2, 2, 2]);
    await client.patch(resource, key, { spec: { replicas: 4 } }, { ...merge, subresource: "scale" });
    await pass();
    const { status } = await client.get(resource, key);
    assert.deepEqual([(await scale()).spec?.replicas, status.readyReplicas, await running()], [4, 4, 4]);
  });
}

test("Replication Controller, lifecycle: made, found by label, patched, its status patched, scaled and deleted", async (t) => {
  const { client, create, pass, running, list } = await scene(t);
  await create(ReplicationControllers, {
    metadata: { ...key, labels },
    spec: { replicas: 1, selector: labels, template },
  });
  await pass();
  const read = await client.get(ReplicationControllers, key);
  assert.deepEqual([read.status.readyReplicas, await running()], [1, 1]);
  const patched = await client.patch(ReplicationControllers, key, {
    metadata: { labels: { ...labels, patched: "yes" } },
  });
  assert.equal(patched.metadata.labels?.patched, "yes");
  const asStatus = { ...merge, subresource: "status" } as const;
  const reported = await client.patch(
    ReplicationControllers,
    key,
    { status: { readyReplicas: 0, availableReplicas: 0 } },
    asStatus,
  );
  assert.equal(reported.status.readyReplicas ?? 0, 0);
  await pass();
  assert.equal((await client.get(ReplicationControllers, key, { subresource: "status" })).status.readyReplicas, 1);
  await client.patch(ReplicationControllers, key, { spec: { replicas: 3 } }, { ...merge, subresource: "scale" });
  await pass();
  assert.equal((await client.get(ReplicationControllers, key)).status.availableReplicas, 3);
  const live = await client.get(ReplicationControllers, key);
  await client.update(ReplicationControllers, { ...live, spec: { ...live.spec, replicas: 2 } });
  await pass();
  assert.equal(await running(), 2);
  const found = await client.list(ReplicationControllers, { labelSelector: "patched=yes" });
  assert.equal(found.items.length, 1);
  const body = { propagationPolicy: "Background" } as const;
  await client.deleteCollection(ReplicationControllers, { namespace, labelSelector: "patched=yes", body });
  await pass(10_000);
  assert.deepEqual([await list(ReplicationControllers), await list(Pods)], [[], []]);
});

test("Pod Eviction, Toleration limits: of the pods on a tainted node each stays as long as it tolerates that, and no longer", async (t) => {
  const { client, create, pass, list } = await scene(t);
  const pod = (name: string, tolerationSeconds?: number): NewObject<Pod> => ({
    metadata: { namespace, name },
    spec: {
      containers: [container],
      terminationGracePeriodSeconds: 0,
      nodeName: "node-1",
      ...(tolerationSeconds === undefined
        ? {}
        : {
            tolerations: [{ key: "evict", operator: "Equal", value: "yes", effect: "NoExecute", tolerationSeconds }],
          }),
    },
  });
  await create(Pods, pod("at-once"));
  await create(Pods, pod("soon", 40));
  await create(Pods, pod("later", 80));
  await pass();
  await client.patch(
    Nodes,
    { name: "node-1" },
    { spec: { taints: [{ key: "evict", value: "yes", effect: "NoExecute" }] } },
    merge,
  );
  const names = async () => (await list(Pods, namespace)).map(({ metadata }) => metadata.name).sort();
  await pass();
  assert.deepEqual(await names(), ["later", "soon"]);
  await pass(30_000);
  assert.deepEqual(await names(), ["later", "soon"]);
  await pass(10_000);
  assert.deepEqual(await names(), ["later"]);
  await pass(30_000);
  assert.deepEqual(await names(), ["later"]);
  await pass(10_000);
  assert.deepEqual(await names(), []);
});
