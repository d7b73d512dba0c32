// What conformance asks of the scheduler and of runtime classes, on nodes that nobody plays: a pod that has a node is
// all there is to see.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApiClient, apiClient, type Document } from "./api-client.ts";
import { aroundTests } from "./around-tests.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

const namespace = "/api/v1/namespaces/default";
const classes = "/apis/node.k8s.io/v1/runtimeclasses";
let plane: ServedControlPlane;
let api: ApiClient;

aroundTests(
  async () => {
    plane = await serveControlPlane();
    api = apiClient(plane);
    for (const name of ["one", "two"]) {
      await api.post("/api/v1/nodes", {
        metadata: { name, labels: { "kubernetes.io/hostname": name } },
        status: {
          allocatable: { cpu: "4", memory: "4Gi", pods: "110" },
          conditions: [{ type: "Ready", status: "True", reason: "KubeletReady" }],
        },
      });
    }
  },
  () => plane.close(),
);

const pod = (name: string, spec: object = {}, container: object = {}) => ({
  metadata: { name },
  spec: { ...spec, containers: [{ name: "c", image: "i", ...container }] },
});

/** Creates a pod and waits until it has a node, or why it has none. */
async function placed(object: Document): Promise<string> {
  const { metadata } = await api.post(`${namespace}/pods`, object);
  const whyNot = ({ status }: Document) =>
    status.conditions?.find(({ type, status }: Document) => type === "PodScheduled" && status === "False")?.message;
  const path = `${namespace}/pods?fieldSelector=metadata.name%3D${metadata.name}`;
  const decided = await api.until(path, (each) => each.spec.nodeName || whyNot(each) !== undefined);
  return decided.spec.nodeName || whyNot(decided);
}

async function refusal(object: Document): Promise<string> {
  const { code, body } = await api.answer("POST", `${namespace}/pods`, { body: object });
  assert.equal(code, 403);
  return body.message;
}

test("Scheduler, node selector matching: a pod goes to the node that has the label", async () => {
  await api.patch("/api/v1/nodes/two", { metadata: { labels: { disk: "fast" } } });
  assert.equal(await placed(pod("selects", { nodeSelector: { disk: "fast" } })), "two");
  assert.match(await placed(pod("selects-none", { nodeSelector: { disk: "none" } })), /^0\/2 nodes are available/);
});

test("Scheduling, HostPort matching and HostIP and Protocol not-matching: the same port is taken apart by address or protocol", async () => {
  const nodeSelector = { "kubernetes.io/hostname": "one" };
  const binds = (hostIP: string, protocol: string) => ({
    ports: [{ containerPort: 80, hostPort: 54321, hostIP, protocol }],
  });
  for (const [name, hostIP, protocol] of [
    ["port-1", "127.0.0.1", "TCP"],
    ["port-2", "192.0.2.7", "TCP"],
    ["port-3", "192.0.2.7", "UDP"],
  ] as const)
    assert.equal(await placed(pod(name, { nodeSelector }, binds(hostIP, protocol))), "one");
});

test("Scheduling, HostPort and Protocol match, HostIPs different but one is default HostIP (0.0.0.0): the second pod has no place", async () => {
  const nodeSelector = { "kubernetes.io/hostname": "one" };
  const binds = (hostIP: string) => ({ ports: [{ containerPort: 80, hostPort: 54322, hostIP }] });
  assert.equal(await placed(pod("port-4", { nodeSelector }, binds("0.0.0.0"))), "one");
  assert.match(await placed(pod("port-5", { nodeSelector }, binds("127.0.0.1"))), /free ports/);
});

test("Can schedule a pod requesting existing RuntimeClass: it gets a node", async () => {
  await api.post(classes, { metadata: { name: "plain" }, handler: "runc" });
  assert.match(await placed(pod("plain", { runtimeClassName: "plain" })), /^(one|two)$/);
});

test("RuntimeClass Overhead field must be respected: it is written in the pod and counts where it goes", async () => {
  const overhead = { podFixed: { cpu: "3", memory: "1Gi" } };
  await api.post(classes, { metadata: { name: "heavy" }, handler: "runc", overhead });
  const requests = { cpu: "2" };
  assert.match(
    await placed(pod("heavy", { runtimeClassName: "heavy" }, { resources: { requests } })),
    /Insufficient cpu/,
  );
  assert.deepEqual((await api.get(`${namespace}/pods/heavy`)).spec.overhead, overhead.podFixed);
  assert.match(await placed(pod("heavy-fits", { runtimeClassName: "heavy" })), /^(one|two)$/);
});

test("Pod with the non-existing RuntimeClass is rejected: it is not created", async () => {
  assert.match(await refusal(pod("lost", { runtimeClassName: "nobody" })), /RuntimeClass "nobody" not found/);
});

test("Pod with the deleted RuntimeClass is rejected: it is not created", async () => {
  await api.post(classes, { metadata: { name: "deleted" }, handler: "runc" });
  await api.delete(`${classes}/deleted`);
  assert.match(await refusal(pod("late", { runtimeClassName: "deleted" })), /RuntimeClass "deleted" not found/);
});

const classPath = "/apis/scheduling.k8s.io/v1/priorityclasses";

/** Says, as an agent does, that the pod's containers have ended; it may be gone already. */
const end = (name: string) => api.answer("DELETE", `${namespace}/pods/${name}`, { body: { gracePeriodSeconds: 0 } });

/** Waits until a pod has a node. */
async function hasNode(name: string): Promise<string> {
  const path = `${namespace}/pods?fieldSelector=metadata.name%3D${name}`;
  return (await api.until(path, ({ spec }) => spec.nodeName)).spec.nodeName;
}

test("Scheduler, Basic Preemption: a pod of lower priority makes way for one of higher priority", async () => {
  for (const [name, value] of [
    ["low", 1],
    ["high", 1_000],
  ] as const)
    await api.post(classPath, { metadata: { name }, value });
  await api.post("/api/v1/nodes", {
    metadata: { name: "preempted", labels: { preempts: "yes" } },
    status: {
      allocatable: { cpu: "1", memory: "4Gi", pods: "110" },
      conditions: [{ type: "Ready", status: "True", reason: "KubeletReady" }],
    },
  });
  const nodeSelector = { preempts: "yes" };
  const whole = { resources: { requests: { cpu: "1" } } };
  assert.equal(await placed(pod("victim", { nodeSelector, priorityClassName: "low" }, whole)), "preempted");
  await placed(pod("preemptor", { nodeSelector, priorityClassName: "high" }, whole));
  const watch = await api.watch(`${namespace}/pods?fieldSelector=metadata.name%3Dvictim`);
  for (;;) {
    const [, { metadata, status }] = await watch.next();
    if (metadata.deletionTimestamp === undefined) continue;
    const condition = status.conditions.find(({ type }: Document) => type === "DisruptionTarget");
    assert.equal(condition.reason, "PreemptionByScheduler");
    break;
  }
  watch.close();
  assert.equal((await api.get(`${namespace}/pods/preemptor`)).status.nominatedNodeName, "preempted");
  await end("victim");
  assert.equal(await hasNode("preemptor"), "preempted");
});

test("Pod preemption verification: ReplicaSets of four levels of priority get what their limits allow, the highest first", async () => {
  const levels = [1, 2, 3, 4];
  for (const level of levels) await api.post(classPath, { metadata: { name: `level-${level}` }, value: 10 * level });
  await api.post("/api/v1/nodes", {
    metadata: { name: "levels", labels: { levels: "yes" } },
    status: {
      allocatable: { cpu: "4", memory: "4Gi", pods: "110", "example.com/fakecpu": "1000" },
      conditions: [{ type: "Ready", status: "True", reason: "KubeletReady" }],
    },
  });
  const requests = { "example.com/fakecpu": "200" };
  const setOf = (level: number, replicas: number) => {
    const labels = { level: `${level}` };
    const containers = [{ name: "c", image: "i", resources: { requests, limits: requests } }];
    return {
      metadata: { name: `rs-${level}` },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { nodeSelector: { levels: "yes" }, priorityClassName: `level-${level}`, containers },
        },
      },
    };
  };
  const sets = "/apis/apps/v1/namespaces/default/replicasets";
  /** Waits until so many pods of a level have the node; those that are to go end at once. */
  const onNode = async (level: number, count: number) => {
    const watch = await api.watch(`${namespace}/pods?labelSelector=level`);
    const names = new Set<string>();
    while (names.size < count) {
      const [type, { metadata, spec }] = await watch.next();
      if (type !== "DELETED" && metadata.deletionTimestamp !== undefined) await end(metadata.name);
      else if (metadata.labels.level === `${level}` && spec.nodeName) names.add(metadata.name);
    }
    watch.close();
  };
  // 1, 2 and 2 pods of 200 fill the node; the 4 of the highest level take the place of those of the lower ones.
  for (const [level, replicas] of [
    [1, 1],
    [2, 2],
    [3, 2],
  ] as const) {
    await api.post(sets, setOf(level, replicas));
    await onNode(level, replicas);
  }
  await api.post(sets, setOf(4, 4));
  await onNode(4, 4);
  const { items } = await api.get(`${namespace}/pods?labelSelector=level`);
  const placedLevels = items
    .filter(({ spec }: Document) => spec.nodeName)
    .map(({ metadata }: Document) => metadata.labels.level);
  assert.deepEqual(placedLevels.sort(), ["3", "4", "4", "4", "4"]);
});
