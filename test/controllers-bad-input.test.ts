// What nobody can make right: controllers say what Kubernetes says, do no damage, and come to rest or look again ever
// more rarely.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import {
  ClusterRoles,
  ConfigMaps,
  controllerOf,
  type Deployment,
  Deployments,
  LimitRanges,
  Namespaces,
  type NewObject,
  type Pod,
  PodDisruptionBudgets,
  Pods,
  ReplicaSets,
  ReplicationControllers,
} from "../src/api/index.ts";
import { startTestControlPlane, type TestControlPlane } from "./control-plane.ts";
import type { Crowd } from "./crowded-node-worker.ts";
import { createNodes, playNodes, renewLeases } from "./pretended-nodes.ts";

const nodes = ["node-1"];
const namespace = "default";
const minuteMs = 60_000;
const labels = { app: "web" };
const container = { name: "c", image: "example.com/c:1" };
const spec = { automountServiceAccountToken: false, containers: [container] };
const template = { metadata: { labels }, spec };
const replicated = (replicas: number) => ({ replicas, selector: { matchLabels: labels }, template });
const named = (name: string) => ({ name, namespace });

const deployment = (more: object = {}): NewObject<Deployment> => ({
  metadata: named("web"),
  spec: { ...replicated(3), ...more },
});

interface Scene extends TestControlPlane {
  /** Time passes; pods start unless `stuck`. */
  pass(ms: number, stuck?: "stuck"): Promise<void>;
  /** Asserts that for so many minutes no key is reconciled more often in one of them, by nobody. */
  calm(minutes: number, perMinute: number): Promise<void>;
}

async function scene(t: TestContext): Promise<Scene> {
  const plane = await startTestControlPlane(t);
  await createNodes(plane, nodes);
  let isStuck = false;
  const pass = async (ms: number) => {
    const stepMs = Math.min(ms, 10_000);
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      await renewLeases(plane, nodes);
      if (!isStuck) await playNodes(plane, nodes);
      await plane.rest(stepMs);
    }
  };
  await pass(1_000);
  return {
    ...plane,
    pass(ms, stuck) {
      isStuck = stuck !== undefined;
      return pass(ms);
    },
    async calm(minutes, perMinute) {
      for (let minute = 0; minute < minutes; minute++) {
        const before = plane.reconciles().length;
        await pass(minuteMs);
        const counts = new Map<string, number>();
        for (const each of plane.reconciles().slice(before)) counts.set(each, (counts.get(each) ?? 0) + 1);
        // Heartbeats are reason enough for this one: six in a minute.
        for (const name of nodes) counts.delete(`node-lifecycle-controller ${name}`);
        const tooOften = [...counts].filter(([, count]) => count > perMinute);
        assert.deepEqual(tooOften, [], `in minute ${minute}`);
      }
    },
  };
}

test("a template that can never run: the Deployment says that it does not progress, and waits", async (t) => {
  const { client, create, pass, calm } = await scene(t);
  await create(Deployments, deployment({ progressDeadlineSeconds: 60 }));
  await pass(2 * minuteMs, "stuck");
  const { status } = await client.get(Deployments, named("web"));
  const said = status.conditions?.map(({ type, status: is, reason, message }) => [type, is, reason, message]);
  assert.deepEqual(said?.find(([type]) => type === "Progressing")?.slice(1, 3), ["False", "ProgressDeadlineExceeded"]);
  assert.match(
    said?.find(([type]) => type === "Progressing")?.[3] ?? "",
    /^ReplicaSet "web-\w+" has timed out progressing\.$/,
  );
  assert.deepEqual(said?.find(([type]) => type === "Available")?.slice(1), [
    "False",
    "MinimumReplicasUnavailable",
    "Deployment does not have minimum availability.",
  ]);
  await calm(10, 0);
});

test("a template that is refused: one pod is tried ever more rarely, until it may be made", async (t) => {
  const { client, create, list, pass, calm, requests, events } = await scene(t);
  const limits = [{ type: "Container", min: { cpu: "2" } }];
  await create(LimitRanges, { metadata: named("large"), spec: { limits } });
  const resources = { requests: { cpu: "1" }, limits: { cpu: "1" } };
  const small = { ...template, spec: { ...spec, containers: [{ ...container, resources }] } };
  await create(Deployments, deployment({ replicas: 100, template: small }));
  await pass(minuteMs);
  const [set] = await list(ReplicaSets, namespace);
  const failure = set?.status.conditions?.find(({ type }) => type === "ReplicaFailure");
  assert.deepEqual([failure?.status, failure?.reason], ["True", "FailedCreate"]);
  assert.match(failure?.message ?? "", /forbidden: minimum cpu usage per Container is 2, but request is 1/);
  const { status } = await client.get(Deployments, named("web"));
  assert.equal(status.conditions?.find(({ type }) => type === "ReplicaFailure")?.reason, "FailedCreate");
  assert.match((await events("ReplicaSet")).join("\n"), /^Warning FailedCreate Error creating: pods "web-/m);
  await calm(10, 3);
  const tries = requests().filter((each) => each.startsWith("create pods")).length;
  assert.ok(tries < 25, `${tries} pods were tried in 11 minutes`);
  await client.delete(LimitRanges, named("large"));
  await pass(6 * minuteMs);
  assert.equal((await list(Pods, namespace)).length, 100);
});

test("a selector that matches another controller's pods: each has its own and takes none", async (t) => {
  const { create, list, pass, calm } = await scene(t);
  const sets = await Promise.all(
    ["a", "b"].map((name) => create(ReplicaSets, { metadata: named(name), spec: replicated(3) })),
  );
  await create(Deployments, deployment());
  await pass(minuteMs);
  const owners = async () => (await list(Pods, namespace)).map((pod) => controllerOf(pod)?.uid);
  const all = await owners();
  assert.equal(all.length, 9);
  for (const { metadata } of sets) assert.equal(all.filter((uid) => uid === metadata.uid).length, 3);
  await calm(10, 0);
  assert.deepEqual(await owners(), all);
});

test("two controllers claiming one pod: one of them gets it, the other makes its own", async (t) => {
  const { client, create, list, pass, calm } = await scene(t);
  const orphan: NewObject<Pod> = { metadata: { ...named("orphan"), labels }, spec };
  await create(Pods, orphan);
  await Promise.all([
    create(ReplicaSets, { metadata: named("set"), spec: replicated(2) }),
    create(ReplicationControllers, { metadata: named("rc"), spec: { ...replicated(2), selector: labels } }),
  ]);
  await pass(minuteMs);
  const pods = await list(Pods, namespace);
  const ownedBy = (kind: string) => pods.filter((pod) => controllerOf(pod)?.kind === kind).length;
  assert.deepEqual([pods.length, ownedBy("ReplicaSet"), ownedBy("ReplicationController")], [4, 2, 2]);
  const { metadata } = await client.get(Pods, named("orphan"));
  assert.equal(metadata.ownerReferences?.filter(({ controller }) => controller).length, 1);
  await calm(10, 0);
});

test("a budget that forbids all eviction: evictions are refused with the reason, and nobody is busy with them", async (t) => {
  const { client, create, list, pass, calm, reconciles } = await scene(t);
  await create(Deployments, deployment());
  await create(PodDisruptionBudgets, {
    metadata: named("none"),
    spec: { maxUnavailable: 0, selector: { matchLabels: labels } },
  });
  await pass(minuteMs);
  const { status } = await client.get(PodDisruptionBudgets, named("none"));
  assert.deepEqual(
    [status.disruptionsAllowed, status.desiredHealthy, status.currentHealthy, status.conditions?.[0]?.reason],
    [0, 3, 3, "InsufficientPods"],
  );
  const before = reconciles().length;
  for (const { metadata } of await list(Pods, namespace))
    for (let attempt = 0; attempt < 10; attempt++)
      await assert.rejects(
        client.createSubresource(Pods, named(metadata.name), "eviction", {
          apiVersion: "policy/v1",
          kind: "Eviction",
          metadata: named(metadata.name),
        }),
        (error: { code?: number; status?: { details?: { causes?: { message: string }[] } } }) =>
          error.code === 429 &&
          error.status?.details?.causes?.[0]?.message ===
            "The disruption budget none needs 3 healthy pods and has 3 currently",
      );
  await pass(1_000);
  assert.deepEqual(
    reconciles()
      .slice(before)
      .filter((each) => !each.startsWith("node-lifecycle")),
    [],
  );
  await calm(5, 0);
});

test("two budgets for one pod: it is said of the pod, both are counted, and it is not evicted", async (t) => {
  const { client, create, list, pass, calm, events } = await scene(t);
  await create(Deployments, deployment());
  for (const name of ["a", "b"])
    await create(PodDisruptionBudgets, {
      metadata: named(name),
      spec: { minAvailable: 1, selector: { matchLabels: labels } },
    });
  await pass(minuteMs);
  const [pod] = await list(Pods, namespace);
  assert.ok(pod);
  const { name } = pod.metadata;
  const said = (await events("Pod")).filter((each) => each.includes(`"${name}"`));
  assert.match(
    said.join("\n"),
    new RegExp(
      `^Warning MultiplePodDisruptionBudgets Pod "default"/"${name}" matches multiple PodDisruptionBudgets. {2}Chose "a" arbitrarily.`,
    ),
  );
  for (const budget of ["a", "b"]) {
    const { status } = await client.get(PodDisruptionBudgets, named(budget));
    assert.equal(status.disruptionsAllowed, 2);
  }
  await assert.rejects(
    client.createSubresource(Pods, named(name), "eviction", {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: named(name),
    }),
    { code: 500 },
  );
  await calm(10, 0);
});

test("cluster roles that gather each other's rules come to rest", async (t) => {
  const { client, create, pass, calm } = await scene(t);
  const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }];
  const gathering = (name: string, part: string, of: string) =>
    create(ClusterRoles, {
      metadata: { name, labels: { part } },
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: of } }] },
      rules: [],
    });
  await gathering("a", "one", "two");
  await gathering("b", "two", "one");
  await create(ClusterRoles, { metadata: { name: "c", labels: { part: "one" } }, rules });
  await pass(minuteMs);
  await calm(10, 0);
  for (const name of ["a", "b"]) assert.deepEqual((await client.get(ClusterRoles, { name })).rules, rules);
});

test("a namespace that cannot go is looked at twelve times a minute at most", async (t) => {
  const { client, create, pass, calm } = await scene(t);
  await create(Namespaces, { metadata: { name: "shop" } });
  await create(ConfigMaps, { metadata: { namespace: "shop", name: "held", finalizers: ["example.com/hold"] } });
  await client.delete(Namespaces, { name: "shop" });
  await pass(minuteMs);
  await calm(5, 13);
});

test("a scale to 10,000 on one node: as many run as fit, the others say why they wait, and nobody is busy with them", async () => {
  const [crowd]: Crowd[] = await once(new Worker(new URL("./crowded-node-worker.ts", import.meta.url)), "message");
  assert.ok(crowd);
  assert.deepEqual([crowd.pods, crowd.bound, crowd.waiting], [10_000, 110, 9_890]);
  const why =
    "0/1 nodes are available: 1 Too many pods. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
  assert.deepEqual(crowd.why, [`False Unschedulable: ${why}`]);
  assert.deepEqual(crowd.told, [why]);
  // Five hundred pods with each, and then the status as they come.
  assert.ok(crowd.growing < 200, `${crowd.growing} reconciles of the ReplicaSet`);
  assert.equal(crowd.later, 0);
});
