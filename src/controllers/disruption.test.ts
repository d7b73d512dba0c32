import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import {
  type Deployment,
  Deployments,
  Jobs,
  Namespaces,
  type NewObject,
  type Pod,
  type PodDisruptionBudget,
  PodDisruptionBudgets,
  Pods,
  podCondition,
} from "../api/index.ts";
import { planDisruption } from "./disruption-plan.ts";

const matchLabels = { app: "web" };
const budgetKey = { namespace: "default", name: "guard" };
/** On a node: a pod that never had one goes at once. */
const podSpec = { nodeName: "n1", containers: [{ name: "c", image: "i" }] };

const deployment = (replicas: number): NewObject<Deployment> => ({
  metadata: { namespace: "default", name: "web" },
  spec: { replicas, selector: { matchLabels }, template: { metadata: { labels: matchLabels }, spec: podSpec } },
});

function start(t: TestContext, more: readonly string[] = []) {
  return startTestControlPlane(t, {
    controllers: ["disruption-controller", "stale-pod-disruption-controller", "serviceaccount-controller", ...more],
  });
}

const counts = ({ status }: PodDisruptionBudget) => [
  status.expectedPods,
  status.currentHealthy,
  status.desiredHealthy,
  status.disruptionsAllowed,
];

/** A pod may have the name of what every object inherits. */
const podNames = ["p0", "p1", "constructor"];

/** A budget and ready pods, of which `disrupted` were allowed to go this long ago. */
function planned(spec: object, scale: number | undefined, ready: number, disrupted: Record<string, string> = {}) {
  const budget = { metadata: { name: "b", generation: 3 }, spec, status: { disruptedPods: disrupted } };
  const pods = Array.from({ length: ready }, (_, at) => ({
    metadata: { name: podNames[at] ?? `p${at}` },
    spec: {},
    status: { conditions: [{ type: "Ready", status: "True" }] },
  }));
  // Only what the plan looks at.
  return planDisruption(
    budget as unknown as PodDisruptionBudget,
    pods as unknown as Pod[],
    scale,
    Date.parse("2026-01-01T00:10:00Z"),
  );
}

test("how many may go is what is healthy beyond what must stay", () => {
  const table: readonly [object, number | undefined, number, readonly number[]][] = [
    [{ minAvailable: 2 }, undefined, 3, [3, 3, 2, 1]],
    [{ minAvailable: "50%" }, 5, 4, [5, 4, 3, 1]],
    [{ maxUnavailable: 1 }, 3, 3, [3, 3, 2, 1]],
    [{ maxUnavailable: "30%" }, 10, 8, [10, 8, 7, 1]],
    [{ maxUnavailable: 5 }, 3, 3, [3, 3, 0, 3]],
    [{ maxUnavailable: 1 }, 3, 1, [3, 1, 2, 0]],
    [{ minAvailable: 0 }, undefined, 0, [0, 0, 0, 0]],
    [{}, undefined, 2, [0, 2, 0, 0]],
  ];
  for (const [spec, scale, ready, expected] of table)
    assert.deepEqual(counts({ status: planned(spec, scale, ready).status } as PodDisruptionBudget), expected);
});

test("a pod whose eviction was allowed does not count as healthy, until two minutes have passed", () => {
  const disrupted = { p0: "2026-01-01T00:09:00Z", p1: "2026-01-01T00:07:00Z", gone: "2026-01-01T00:09:59Z" };
  const { status, kept, nextCheckMs } = planned({ minAvailable: 1 }, undefined, 3, disrupted);
  assert.deepEqual(status.disruptedPods, { p0: "2026-01-01T00:09:00Z" });
  assert.equal(status.currentHealthy, 2);
  assert.deepEqual(
    kept.map(({ metadata }) => metadata.name),
    ["p1"],
  );
  assert.equal(nextCheckMs, Date.parse("2026-01-01T00:11:00Z"));
});

test("PodDisruptionBudget: Status updates: the status says how many disruptions are allowed", async (t) => {
  const { client, create, rest, startPods } = await start(t, ["deployment-controller", "replicaset-controller"]);
  await create(Deployments, deployment(3));
  await create(PodDisruptionBudgets, {
    metadata: budgetKey,
    spec: { maxUnavailable: 1, selector: { matchLabels } },
  });
  await rest();
  const budget = () => client.get(PodDisruptionBudgets, budgetKey);
  assert.deepEqual(counts(await budget()), [3, 0, 2, 0]);
  assert.equal((await budget()).status.conditions?.[0]?.reason, "InsufficientPods");
  await startPods();
  await rest();
  const { status, metadata } = await budget();
  assert.deepEqual(counts(await budget()), [3, 3, 2, 1]);
  assert.equal(status.observedGeneration, metadata.generation);
  const [condition] = status.conditions ?? [];
  assert.deepEqual(
    [condition?.type, condition?.status, condition?.reason, condition?.observedGeneration],
    ["DisruptionAllowed", "True", "SufficientPods", 1],
  );
  // What is written once is not written again.
  await rest(60_000);
  assert.equal((await budget()).metadata.resourceVersion, metadata.resourceVersion);
  await client.patch(Deployments, { namespace: "default", name: "web" }, { spec: { replicas: 5 } });
  await rest();
  assert.deepEqual(counts(await budget()), [5, 3, 4, 0]);
});

test("PodDisruptionBudget: block an eviction until the PDB is updated to allow it", async (t) => {
  const { client, create, rest, startPods, list } = await start(t, ["deployment-controller", "replicaset-controller"]);
  await create(Deployments, deployment(3));
  await create(PodDisruptionBudgets, { metadata: budgetKey, spec: { minAvailable: 3, selector: { matchLabels } } });
  await rest();
  await startPods();
  await rest();
  const [first, second] = await list(Pods);
  const evict = (pod: Pod | undefined) => {
    const { name = "" } = pod?.metadata ?? {};
    return client.createSubresource(Pods, { namespace: "default", name }, "eviction", {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name, namespace: "default" },
    });
  };
  await assert.rejects(evict(first), {
    code: 429,
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
  });
  await client.patch(PodDisruptionBudgets, budgetKey, { spec: { minAvailable: 2 } });
  await rest();
  await evict(first);
  // The next is refused at once, before the controller has counted again.
  await assert.rejects(evict(second), { code: 429 });
  const evicted = await client.get(Pods, { namespace: "default", name: first?.metadata.name ?? "" });
  assert.ok(evicted.metadata.deletionTimestamp);
  const { status, reason, message } = podCondition(evicted, "DisruptionTarget") ?? {};
  assert.deepEqual([status, reason, message], ["True", "EvictionByEvictionAPI", "Eviction API: evicting"]);
  await rest();
  assert.deepEqual(counts(await client.get(PodDisruptionBudgets, budgetKey)).slice(1), [2, 2, 0]);
});

test("where it cannot be known how many pods there should be, nothing may go and the budget says why", async (t) => {
  const { client, create, rest, events } = await start(t);
  const job = await create(Jobs, {
    metadata: { namespace: "default", name: "work" },
    spec: { template: { spec: { ...podSpec, restartPolicy: "Never" } } },
  });
  const owner = { apiVersion: "batch/v1", kind: "Job", name: "work", uid: job.metadata.uid, controller: true };
  await create(Pods, {
    metadata: { namespace: "default", name: "p", labels: matchLabels, ownerReferences: [owner] },
    spec: podSpec,
  });
  await create(PodDisruptionBudgets, { metadata: budgetKey, spec: { maxUnavailable: 1, selector: { matchLabels } } });
  await rest();
  const { status } = await client.get(PodDisruptionBudgets, budgetKey);
  const [condition] = status.conditions ?? [];
  assert.deepEqual(
    [condition?.status, condition?.reason, condition?.message],
    ["False", "SyncFailed", "jobs.batch does not implement the scale subresource"],
  );
  assert.equal(status.disruptionsAllowed, 0);
  assert.match((await events("PodDisruptionBudget")).join("\n"), /CalculateExpectedPodCountFailed/);
});

test("pods without an owner count for nothing where owners say how many there should be, and the budget is told", async (t) => {
  const { client, create, rest, events } = await start(t);
  await create(Pods, { metadata: { namespace: "default", name: "p", labels: matchLabels }, spec: podSpec });
  await create(PodDisruptionBudgets, { metadata: budgetKey, spec: { maxUnavailable: 1, selector: { matchLabels } } });
  await rest();
  assert.deepEqual(counts(await client.get(PodDisruptionBudgets, budgetKey)), [0, 0, 0, 0]);
  const [event] = await events("PodDisruptionBudget");
  assert.match(
    event ?? "",
    /^Warning UnmanagedPods Pods selected by this PodDisruptionBudget \(selector: &LabelSelector\{MatchLabels:map\[string\]string\{app: web,\},MatchExpressions:\[\]LabelSelectorRequirement\{\},\}\) were found to be unmanaged\./,
  );
});

test("the mark of a disruption that did not come is taken back after two minutes", async (t) => {
  const { client, create, rest } = await start(t);
  const key = { namespace: "default", name: "p" };
  const pod = await create(Pods, { metadata: key, spec: podSpec });
  const condition = async () => podCondition(await client.get(Pods, key), "DisruptionTarget");
  const mark = async () => (await condition())?.status;
  const conditions = [{ type: "DisruptionTarget", status: "True", reason: "DeletionByTaintManager", message: "m" }];
  await client.update(Pods, { ...pod, status: { ...pod.status, conditions } }, { subresource: "status" });
  await rest(60_000);
  assert.equal(await mark(), "True");
  await rest(240_000);
  assert.equal(await mark(), "False");
  assert.equal((await condition())?.observedGeneration, 1);
});

test("PodDisruptionBudget: list and delete collection: in one namespace and in all, by labels", async (t) => {
  const { client, create, list } = await start(t);
  await create(Namespaces, { metadata: { name: "other" } });
  const make = (namespace: string, name: string, labels: Record<string, string>) =>
    create(PodDisruptionBudgets, {
      metadata: { namespace, name, labels },
      spec: { minAvailable: 1, selector: { matchLabels } },
    });
  await make("default", "a", { part: "x" });
  await make("default", "b", { part: "y" });
  await make("other", "c", { part: "x" });
  assert.equal((await list(PodDisruptionBudgets)).length, 3);
  const { items } = await client.list(PodDisruptionBudgets, { namespace: "default", labelSelector: "part=x" });
  assert.equal(items.length, 1);
  await client.deleteCollection(PodDisruptionBudgets, { namespace: "default" });
  assert.deepEqual(
    (await list(PodDisruptionBudgets)).map(({ metadata }) => metadata.name),
    ["c"],
  );
});

test("PodDisruptionBudget: update and patch status: what the controller counts stays or comes back", async (t) => {
  const { client, create, rest } = await start(t);
  await create(PodDisruptionBudgets, { metadata: budgetKey, spec: { minAvailable: 1, selector: { matchLabels } } });
  await rest();
  const budget = await client.get(PodDisruptionBudgets, budgetKey);
  const disruptedPods = { gone: "2026-01-01T00:00:00Z" };
  const updated = await client.update(
    PodDisruptionBudgets,
    { ...budget, status: { ...budget.status, disruptedPods } },
    { subresource: "status" },
  );
  assert.deepEqual(updated.status.disruptedPods, disruptedPods);
  const patched = await client.patch(
    PodDisruptionBudgets,
    budgetKey,
    { status: { disruptedPods: { other: "2026-01-01T00:00:00Z" } } },
    { subresource: "status", type: "application/merge-patch+json" },
  );
  assert.equal(patched.status.disruptedPods?.other, "2026-01-01T00:00:00Z");
  // Both name pods that are not there.
  await rest();
  assert.equal((await client.get(PodDisruptionBudgets, budgetKey)).status.disruptedPods, undefined);
});
