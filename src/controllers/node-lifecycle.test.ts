import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { valuesOf } from "../../test/metric-values.ts";
import { Events, Leases, type Node, Nodes, type Pod, Pods } from "../api/index.ts";
import { MetricRegistry, microTimestamp, timestamp } from "../lib/index.ts";

const controllers = [
  "node-lifecycle-controller",
  "taint-eviction-controller",
  "pod-garbage-collector-controller",
  "serviceaccount-controller",
];

async function scene(t: TestContext) {
  const metrics = new MetricRegistry();
  const plane = await startTestControlPlane(t, { controllers, metrics });
  const { client, clock, create, rest } = plane;
  await rest();
  const alive = new Set<string>();
  const report = async (name: string) => {
    const now = timestamp(clock.now());
    const ready = { type: "Ready", status: "True", reason: null, lastHeartbeatTime: now, lastTransitionTime: now };
    const type = "application/strategic-merge-patch+json";
    await client.patch(Nodes, { name }, { status: { conditions: [ready] } }, { subresource: "status", type });
  };
  return {
    ...plane,
    counted: (name: string) => valuesOf(metrics, name),
    alive,
    /** A node that has reported itself ready. */
    async node(name: string, more: object = {}): Promise<Node> {
      const node = await create(Nodes, { metadata: { name }, ...more });
      await client.create(Leases, {
        metadata: { namespace: "kube-node-lease", name },
        spec: { holderIdentity: name, renewTime: microTimestamp(clock.now()) },
      });
      alive.add(name);
      await report(name);
      await rest();
      return node;
    },
    report,
    /** Time passes; the nodes in `alive` renew their leases every ten seconds. */
    async pass(seconds: number): Promise<void> {
      for (let passed = 0; passed < seconds; passed += 10) {
        for (const name of alive) {
          const spec = { renewTime: microTimestamp(clock.now()) };
          await client.patch(Leases, { namespace: "kube-node-lease", name }, { spec });
        }
        await rest(10_000);
      }
    },
    async pod(name: string, nodeName: string, tolerations: readonly object[] = []): Promise<Pod> {
      const pod = await create(Pods, {
        metadata: { namespace: "default", name },
        spec: {
          nodeName,
          containers: [{ name: "c", image: "i" }],
          tolerations: tolerations as Pod["spec"]["tolerations"] & object,
        },
      });
      await plane.startPods();
      return pod;
    },
    async readiness(name: string) {
      const { status } = await client.get(Nodes, { name });
      const ready = status.conditions?.find(({ type }) => type === "Ready");
      return ready && `${ready.status} ${ready.reason ?? ""}`.trim();
    },
    async taints(name: string) {
      const { spec } = await client.get(Nodes, { name });
      return (spec.taints ?? []).map(({ key, effect }) => `${key.replace("node.kubernetes.io/", "")}:${effect}`);
    },
    async pods() {
      const pods = await plane.list(Pods, "default");
      return pods.map(({ metadata }) => `${metadata.name}${metadata.deletionTimestamp ? " (ending)" : ""}`);
    },
  };
}

test("a node that renews its lease stays ready", async (t) => {
  const { client, node, pass, readiness, taints, events } = await scene(t);
  await node("n1");
  await pass(300);
  assert.equal(await readiness("n1"), "True");
  assert.deepEqual(await taints("n1"), []);
  assert.deepEqual(await events("Node"), ["Normal RegisteredNode Node n1 event: Registered Node n1 in Controller"]);
  const { items } = await client.list(Events, { fieldSelector: "reason=RegisteredNode" });
  assert.deepEqual(items[0]?.source, { component: "node-controller" });
});

test("a node that falls silent is unknown after 50 s, its pods are not ready, and it comes back", async (t) => {
  const { client, node, pod, pass, report, alive, readiness, taints, events } = await scene(t);
  await node("n1");
  await node("n2");
  await pod("a", "n1");
  await pass(20);
  alive.delete("n1");
  await pass(30);
  assert.equal(await readiness("n1"), "True");
  await pass(20);
  assert.equal(await readiness("n1"), "Unknown NodeStatusUnknown");
  assert.deepEqual(await taints("n1"), ["unreachable:NoSchedule", "unreachable:NoExecute"]);
  const { status } = await client.get(Pods, { namespace: "default", name: "a" });
  assert.equal(status.conditions?.find(({ type }) => type === "Ready")?.status, "False");
  assert.ok((await events("Node")).includes("Normal NodeNotReady Node n1 status is now: NodeNotReady"));
  assert.deepEqual(await events("Pod"), ["Warning NodeNotReady Node is not ready"]);
  alive.add("n1");
  await report("n1");
  await pass(10);
  assert.deepEqual(await taints("n1"), []);
});

test("pods of a node that says itself that it is not ready are left to it", async (t) => {
  const { client, node, pod, pass, readiness, events } = await scene(t);
  await node("n1");
  await pod("web", "n1");
  const conditions = [{ type: "Ready", status: "False", reason: "KubeletNotReady" }];
  const type = "application/strategic-merge-patch+json";
  await client.patch(Nodes, { name: "n1" }, { status: { conditions } }, { subresource: "status", type });
  await pass(20);
  assert.equal(await readiness("n1"), "False KubeletNotReady");
  const { status } = await client.get(Pods, { namespace: "default", name: "web" });
  assert.equal(status.conditions?.find((each) => each.type === "Ready")?.status, "True");
  assert.ok(!(await events("Node")).some((each) => each.includes("NodeNotReady")));
});

test("a node that never reports is unknown after a minute", async (t) => {
  const { create, rest, readiness } = await scene(t);
  await create(Nodes, { metadata: { name: "n1" } });
  await rest(59_000);
  assert.equal(await readiness("n1"), undefined);
  await rest(5_000);
  assert.equal(await readiness("n1"), "Unknown NodeStatusNeverUpdated");
});

test("pods leave a silent node after the time that they tolerate", async (t) => {
  const { node, pod, pass, alive, pods } = await scene(t);
  await node("n1");
  await node("n2");
  const unreachable = { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" };
  await pod("short", "n1", [{ ...unreachable, tolerationSeconds: 100 }]);
  await pod("long", "n1", [{ ...unreachable, tolerationSeconds: 1000 }]);
  await pod("always", "n1", [{ operator: "Exists" }]);
  await pod("elsewhere", "n2");
  alive.delete("n1");
  await pass(140);
  assert.deepEqual(await pods(), ["always", "elsewhere", "long", "short"]);
  await pass(30);
  assert.deepEqual(await pods(), ["always", "elsewhere", "long", "short (ending)"]);
  await pass(1_000);
  assert.deepEqual(await pods(), ["always", "elsewhere", "long (ending)", "short (ending)"]);
});

test("when the only node falls silent its pods stay", async (t) => {
  const { node, pod, pass, alive, taints, pods } = await scene(t);
  await node("n1");
  await pod("a", "n1");
  alive.delete("n1");
  await pass(600);
  assert.deepEqual(await taints("n1"), ["unreachable:NoSchedule"]);
  assert.deepEqual(await pods(), ["a"]);
});

test("the nodes of one zone are given up one after the other", async (t) => {
  const { node, pass, alive, taints } = await scene(t);
  for (const name of ["n1", "n2", "n3", "n4", "n5"]) await node(name);
  await pass(10);
  alive.delete("n1");
  alive.delete("n2");
  const evicted = async () => (await Promise.all(["n1", "n2"].map(taints))).filter((all) => all.length === 2).length;
  let first = 0;
  for (let seconds = 0; seconds < 100 && (await evicted()) < 2; seconds += 10) {
    await pass(10);
    if ((await evicted()) === 1) first++;
  }
  assert.equal(await evicted(), 2);
  assert.ok(first >= 1);
});

test("nodes that were spared while most of their zone was down are given up when it is back", async (t) => {
  const { node, pass, alive, taints, report } = await scene(t);
  const names = ["n1", "n2", "n3", "n4", "n5"];
  for (const name of names) await node(name);
  await pass(10);
  for (const name of ["n1", "n2", "n3"]) alive.delete(name);
  await pass(200);
  const all = async () => (await Promise.all(["n1", "n2", "n3"].map(taints))).map((each) => each.length);
  assert.deepEqual(await all(), [1, 1, 1]);
  alive.add("n3");
  await pass(10);
  await report("n3");
  await pass(30);
  assert.deepEqual(await all(), [2, 2, 0]);
});

test("when the last node falls silent too, those before it are given up no more", async (t) => {
  const { node, pass, alive, taints } = await scene(t);
  for (const name of ["n1", "n2"]) await node(name);
  await pass(10);
  alive.delete("n1");
  await pass(80);
  assert.equal((await taints("n1")).length, 2);
  alive.delete("n2");
  await pass(100);
  assert.deepEqual(await taints("n1"), ["unreachable:NoSchedule"]);
  assert.deepEqual(await taints("n2"), ["unreachable:NoSchedule"]);
});

test("a node has the former names of its labels too", async (t) => {
  const { client, node } = await scene(t);
  const labels = { "kubernetes.io/os": "linux", "beta.kubernetes.io/os": "other", "kubernetes.io/arch": "arm64" };
  await node("n1", { metadata: { name: "n1", labels } });
  assert.deepEqual((await client.get(Nodes, { name: "n1" })).metadata.labels, {
    ...labels,
    "beta.kubernetes.io/os": "linux",
    "beta.kubernetes.io/arch": "arm64",
  });
  await node("n2", { metadata: { name: "n2", labels: { "beta.kubernetes.io/os": "linux" } } });
  assert.deepEqual((await client.get(Nodes, { name: "n2" })).metadata.labels, { "beta.kubernetes.io/os": "linux" });
});

test("a node that is gone is said to be", async (t) => {
  const { client, node, rest, events } = await scene(t);
  await node("n1");
  await client.delete(Nodes, { name: "n1" });
  await rest(1_000);
  assert.ok((await events("Node")).includes("Normal RemovingNode Node n1 event: Removing Node n1 from Controller"));
});

test("a taint that somebody sets drives away pods that do not tolerate it; taken back in time it does not", async (t) => {
  const { client, node, pod, pass, pods, events } = await scene(t);
  await node("n1");
  await pod("plain", "n1");
  await pod("patient", "n1", [{ key: "repair", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 }]);
  const taint = (taints: unknown) => client.patch(Nodes, { name: "n1" }, { spec: { taints } });
  await taint([{ key: "repair", effect: "NoExecute" }]);
  await pass(10);
  assert.deepEqual(await pods(), ["patient", "plain (ending)"]);
  const { status } = await client.get(Pods, { namespace: "default", name: "plain" });
  const target = status.conditions?.find(({ type }) => type === "DisruptionTarget");
  assert.deepEqual([target?.reason, target?.observedGeneration], ["DeletionByTaintManager", 1]);
  await taint(null);
  await pass(100);
  assert.deepEqual(await pods(), ["patient", "plain (ending)"]);
  assert.deepEqual(await events("Pod"), [
    "Normal TaintManagerEviction Cancelling deletion of Pod default/patient",
    "Normal TaintManagerEviction Marking for deletion Pod default/plain",
  ]);
});

test("when a pod is to be driven away other tolerations do not move that, unless they bear the taint for good or not at all", async (t) => {
  const { client, node, pod, pass, pods, events } = await scene(t);
  const tolerating = (tolerationSeconds?: number) => [
    { key: "repair", operator: "Exists", effect: "NoExecute", ...(tolerationSeconds ? { tolerationSeconds } : {}) },
  ];
  await node("n1", { spec: { taints: [{ key: "repair", effect: "NoExecute" }] } });
  for (const name of ["longer", "forever"]) await pod(name, "n1", tolerating(60));
  await pod("gone", "n1", [
    { key: "repair", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 },
    { key: "other", operator: "Exists", effect: "NoExecute", tolerationSeconds: 600 },
  ]);
  await pass(20);
  const add = async (name: string, more: readonly object[]) => {
    const { spec } = await client.get(Pods, { namespace: "default", name });
    await client.patch(
      Pods,
      { namespace: "default", name },
      { spec: { tolerations: [...more, ...(spec.tolerations ?? [])] } },
    );
  };
  // A toleration may not be taken from a pod, but one that comes first counts.
  await add("longer", tolerating(600));
  await add("forever", tolerating());
  await pass(50);
  assert.deepEqual(await pods(), ["forever", "gone (ending)", "longer (ending)"]);
  await pod("late", "n1", tolerating(60));
  await pass(10);
  const taints = [{ key: "broken", effect: "NoExecute" }];
  await client.patch(Nodes, { name: "n1" }, { spec: { taints } });
  await pass(10);
  assert.ok((await pods()).includes("late (ending)"));
  const about = (await events("Pod")).filter((each) => each.endsWith("default/late")).sort();
  assert.deepEqual(about, [
    "Normal TaintManagerEviction Cancelling deletion of Pod default/late",
    "Normal TaintManagerEviction Marking for deletion Pod default/late",
  ]);
});

test("a pod made under the name of one that was driven away is borne as long as any", async (t) => {
  const { client, node, pod, pass, pods } = await scene(t);
  await node("n1", { spec: { taints: [{ key: "repair", effect: "NoExecute" }] } });
  const tolerations = [{ key: "repair", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 }];
  await pod("web", "n1", tolerations);
  await pass(40);
  await client.delete(Pods, { namespace: "default", name: "web" }, { body: { gracePeriodSeconds: 0 } });
  await pod("web", "n1", tolerations);
  await pass(40);
  assert.deepEqual(await pods(), ["web"]);
  await pass(30);
  assert.deepEqual(await pods(), ["web (ending)"]);
});

test("pods of a node that is gone are removed after 40 s, not when it comes back before", async (t) => {
  const { client, node, pod, pass, alive, pods } = await scene(t);
  await node("n1");
  await node("n2");
  await pod("lost", "n1");
  await pod("saved", "n2");
  const { metadata } = await client.get(Leases, { namespace: "kube-node-lease", name: "n2" });
  alive.clear();
  await client.delete(Nodes, { name: "n1" });
  await client.delete(Nodes, { name: "n2" });
  await pass(20);
  await client.delete(Leases, metadata);
  await node("n2");
  await pass(10);
  assert.deepEqual(await pods(), ["lost", "saved"]);
  await pass(30);
  assert.deepEqual(await pods(), ["saved"]);
});

test("pods of a node that is out of service are removed without its help, and those of a node that is ready are not", async (t) => {
  const { client, node, pod, pass, pods, alive } = await scene(t);
  for (const name of ["n1", "n2"]) {
    await node(name);
    await pod(`on-${name}`, name, [{ operator: "Exists" }]);
  }
  await pod("evicted", "n1");
  const taint = { key: "node.kubernetes.io/out-of-service", value: "nodeshutdown", effect: "NoExecute" };
  for (const name of ["n1", "n2"]) await client.patch(Nodes, { name }, { spec: { taints: [taint] } });
  for (const name of ["on-n1", "on-n2"]) await client.delete(Pods, { namespace: "default", name });
  await pass(10);
  // Both nodes are ready and end their pods themselves.
  assert.deepEqual(await pods(), ["evicted (ending)", "on-n1 (ending)", "on-n2 (ending)"]);
  alive.delete("n1");
  await pass(70);
  assert.deepEqual(await pods(), ["on-n2 (ending)"]);
});

test("a pod that ends before it has a node is removed at once", async (t) => {
  const { client, create, rest, pods } = await scene(t);
  const key = { namespace: "default", name: "early" };
  await create(Pods, {
    metadata: { ...key, finalizers: ["example.com/hold"] },
    spec: { containers: [{ name: "c", image: "i" }] },
  });
  await client.delete(Pods, key);
  await client.patch(Pods, key, { metadata: { finalizers: null } });
  await rest();
  assert.deepEqual(await pods(), []);
});

test("a node and its pods at rest cause no requests but the node's own", async (t) => {
  const { node, pod, pass, requests } = await scene(t);
  await node("n1");
  await pod("a", "n1");
  await pass(60);
  const before = requests().length;
  await pass(600);
  assert.deepEqual(requests().slice(before), []);
});

test("node_collector_… and taint_eviction_controller_… count zones, nodes given up and pods driven away", async (t) => {
  const { node, pod, pass, alive, counted } = await scene(t);
  const labels = { "topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": "a" };
  const zone = 'zone="eu:\0:a"';
  for (const name of ["n1", "n2", "n3", "n4"]) await node(name, { metadata: { name, labels } });
  await pod("web", "n1", [{ operator: "Exists", effect: "NoExecute", tolerationSeconds: 30 }]);
  assert.deepEqual(counted("node_collector_zone_size"), { [zone]: 4 });
  assert.deepEqual(counted("node_collector_zone_health"), { [zone]: 100 });
  alive.delete("n1");
  await pass(70);
  assert.deepEqual(counted("node_collector_zone_health"), { [zone]: 75 });
  assert.deepEqual(counted("node_collector_unhealthy_nodes_in_zone"), { [zone]: 1 });
  assert.deepEqual(counted("node_collector_evictions_total"), { [zone]: 1 });
  assert.deepEqual(counted("taint_eviction_controller_pod_deletions_total"), {});
  await pass(40);
  assert.deepEqual(counted("taint_eviction_controller_pod_deletions_total"), { "": 1 });
  assert.deepEqual(counted("taint_eviction_controller_pod_deletion_duration_seconds_count"), { "": 1 });
});
