import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { PodDisruptionBudgets, Pods, ReplicaSets, Services } from "../api/index.ts";
import { podsWith } from "./selection.ts";

const namespace = "default";
const controllers = [
  "disruption-controller",
  "endpoint-slice-controller",
  "endpoints-controller",
  "serviceaccount-controller",
];

async function scene(t: Parameters<typeof startTestControlPlane>[0]) {
  const plane = await startTestControlPlane(t, { controllers });
  const { create, rest, reconciles, startPods } = plane;
  await rest();
  for (const app of ["web", "db"]) {
    const labels = { tier: "one", app };
    await create(Services, {
      metadata: { namespace, name: app },
      spec: { selector: labels, ports: [{ port: 80 }] },
    });
    await create(PodDisruptionBudgets, {
      metadata: { namespace, name: app },
      spec: { selector: { matchLabels: labels } },
    });
    for (const index of [0, 1]) {
      const spec = { nodeName: "n1", containers: [{ name: "c", image: "i" }] };
      await create(Pods, { metadata: { namespace, name: `${app}-${index}`, labels }, spec });
    }
  }
  const matchExpressions = [{ key: "app", operator: "In", values: ["web"] }];
  await create(PodDisruptionBudgets, {
    metadata: { namespace, name: "web-too" },
    spec: { selector: { matchExpressions } },
  });
  await startPods();
  await rest(10_000);
  return {
    ...plane,
    /** The keys that are looked at because of what `change` does. */
    async looks(change: () => Promise<unknown>) {
      const before = reconciles().length;
      await change();
      await rest(10_000);
      return [...new Set(reconciles().slice(before))].sort();
    },
  };
}

test("a pod that changes has those looked at that select it, however they say so", async (t) => {
  const { client, looks } = await scene(t);
  const label = (app: string) => client.patch(Pods, { namespace, name: "web-0" }, { metadata: { labels: { app } } });
  const served = (app: string) => [`endpoint-slice-controller default/${app}`, `endpoints-controller default/${app}`];
  const budgets = (...names: string[]) => names.map((name) => `disruption-controller default/${name}`);
  assert.deepEqual(
    await looks(() => label("db")),
    [...budgets("db", "web", "web-too"), ...served("db"), ...served("web")].sort(),
  );
  assert.deepEqual(await looks(() => label("none")), [...budgets("db"), ...served("db")].sort());
  assert.deepEqual(await looks(() => label("web")), [...budgets("web", "web-too"), ...served("web")].sort());
});

test("who selects pods by a label does not read the other pods of the namespace", async (t) => {
  const { client, informers, looks } = await scene(t);
  const pods = informers.informer(Pods);
  const listed = t.mock.method(pods, "list");
  const found = t.mock.method(pods, "byIndex");
  const spec = { selector: { tier: "one", app: "web" }, ports: [{ port: 81 }] };
  const service = () => client.create(Services, { metadata: { namespace, name: "web-2" }, spec });
  const budget = () => client.patch(PodDisruptionBudgets, { namespace, name: "web" }, { spec: { maxUnavailable: 1 } });
  for (const change of [service, budget]) assert.notDeepEqual(await looks(change), []);
  assert.equal(listed.mock.callCount(), 0);
  const web = podsWith(informers, namespace, spec.selector).map(({ metadata }) => metadata.name);
  assert.deepEqual(web, ["web-0", "web-1"]);
  assert.ok(found.mock.callCount() > 0);
});

test("a pod that nobody owns is held against the ReplicaSets that ask for one of its labels", async (t) => {
  const { client, create, informers, requests, rest } = await startTestControlPlane(t, {
    controllers: ["replicaset-controller", "serviceaccount-controller"],
  });
  await rest();
  const spec = { nodeName: "n1", containers: [{ name: "c", image: "i" }] };
  for (const app of ["web", "db"]) {
    const template = { metadata: { labels: { app } }, spec };
    const selector = { matchLabels: { app } };
    await create(ReplicaSets, { metadata: { namespace, name: app }, spec: { replicas: 1, selector, template } });
  }
  await rest(1_000);
  const listed = t.mock.method(informers.informer(ReplicaSets), "list");
  await create(Pods, { metadata: { namespace, name: "bare", labels: { app: "none" } }, spec });
  await rest(1_000);
  await client.patch(Pods, { namespace, name: "bare" }, { metadata: { labels: { app: "web" } } });
  await rest(1_000);
  assert.equal(listed.mock.callCount(), 0);
  assert.ok(requests().includes("patch pods bare"), "it is taken in");
});
