import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../../test/control-plane.ts";
import {
  APIServices,
  NodeMetricses,
  Nodes,
  type ObjectList,
  PodMetricses,
  Pods,
  type StatsSummary,
  type User,
} from "../../api/index.ts";
import { timestamp } from "../../lib/index.ts";

/** Two nodes with a pod each, of which every container uses half a processor. */
async function scene(t: TestContext) {
  const reads: string[] = [];
  const silent = new Set<string>();
  const plane = await startTestControlPlane(t, {
    controllers: ["serviceaccount-controller", "apiservice-registration"],
    readNodeStats: async ({ metadata: { name } }) => {
      reads.push(name);
      if (silent.has(name)) throw new Error("connection refused");
      return await summaryOf(name);
    },
  });
  const { clock, create, rest, startPods, list, client } = plane;
  const startMs = clock.now();
  const summaryOf = async (nodeName: string): Promise<StatsSummary> => {
    const nowMs = clock.now();
    const time = `${timestamp(nowMs).slice(0, -1)}.${String(nowMs % 1000).padStart(3, "0")}Z`;
    const stats = (cores: number, workingSetBytes: number) => ({
      startTime: timestamp(startMs),
      cpu: { time, usageCoreNanoSeconds: cores * (nowMs - startMs) * 1e6 },
      memory: { time, workingSetBytes },
    });
    const pods = (await list(Pods)).filter(({ spec }) => spec.nodeName === nodeName);
    return {
      node: { nodeName, ...stats(1.25, 2 ** 30) },
      pods: pods.map(({ metadata: { name, namespace = "", uid }, spec }) => ({
        podRef: { name, namespace, uid },
        startTime: timestamp(startMs),
        containers: spec.containers.map((each) => ({ name: each.name, ...stats(0.5, 64 * 2 ** 20) })),
      })),
    };
  };
  await rest();
  for (const [node, pod] of [
    ["n1", "a"],
    ["n2", "b"],
  ] as const) {
    await create(Nodes, { metadata: { name: node, labels: { disk: node } } });
    await create(Pods, {
      metadata: { name: pod, namespace: "default", labels: { app: pod } },
      spec: { nodeName: node, containers: [{ name: "c", image: "i" }] },
    });
  }
  await startPods();
  /** An answer may take a second of the clock. */
  const answer = async <T>(asked: Promise<T>): Promise<T> => {
    asked.catch(() => {}); // whoever waits below gets it
    await rest(2_000);
    return await asked;
  };
  return { ...plane, answer, reads, silent, pods: (options = {}) => answer(client.list(PodMetricses, options)) };
}

const namesOf = ({ items }: ObjectList) => items.map(({ metadata }) => metadata.name);

test("what pods use is the difference of two looks at their node, a second apart for who asks first", async (t) => {
  const { pods, reads } = await scene(t);
  const { items } = await pods({ namespace: "default", labelSelector: "app=a" });
  assert.deepEqual(reads, ["n1", "n1"]);
  const [{ metadata, window, containers, kind } = assert.fail("no metrics")] = items;
  assert.deepEqual(
    [kind, metadata.name, metadata.namespace, metadata.labels],
    ["PodMetrics", "a", "default", { app: "a" }],
  );
  assert.match(window, /^1(\.\d+)?s$/);
  assert.deepEqual(containers, [{ name: "c", usage: { cpu: "500m", memory: "64Mi" } }]);
});

test("an answer serves everybody for fifteen seconds, and the next look goes on from it", async (t) => {
  const { pods, reads, rest } = await scene(t);
  await pods();
  assert.deepEqual(reads.toSorted(), ["n1", "n1", "n2", "n2"]);
  await pods();
  assert.equal(reads.length, 4);
  await rest(30_000);
  // Nothing is read while nobody asks.
  assert.equal(reads.length, 4);
  const { items } = await pods();
  assert.equal(reads.length, 6);
  assert.match(items[0]?.window ?? "", /^3\ds|^3\d\.\d+s$/);
  assert.equal(items[0]?.containers[0]?.usage.cpu, "500m");
  await rest(90_000);
  // After a minute the last look says nothing about now.
  await pods();
  assert.equal(reads.length, 10);
});

test("nodes say what they use as a whole; one that does not answer is left out", async (t) => {
  const { client, answer, silent, rest } = await scene(t);
  const nodes = (labelSelector?: string) =>
    answer(client.list(NodeMetricses, labelSelector === undefined ? {} : { labelSelector }));
  const { items } = await nodes();
  assert.deepEqual(items[0]?.usage, { cpu: "1250m", memory: "1Gi" });
  assert.deepEqual(namesOf(await nodes("disk=n2")), ["n2"]);
  silent.add("n1");
  await rest(20_000);
  assert.deepEqual(namesOf(await nodes()), ["n2"]);
  silent.clear();
  assert.deepEqual(namesOf(await nodes()), ["n1", "n2"]);
});

test("one object is read by its name, and nothing can be written", async (t) => {
  const { client, answer, create } = await scene(t);
  const one = await answer(client.get(PodMetricses, { namespace: "default", name: "b" }));
  assert.equal(one.containers[0]?.usage.memory, "64Mi");
  await assert.rejects(answer(client.get(PodMetricses, { namespace: "default", name: "none" })), { code: 404 });
  await assert.rejects(
    create(NodeMetricses, { metadata: { name: "n" }, timestamp: "2026-01-01T00:00:00Z", window: "1s", usage: {} }),
    { code: 405 },
  );
});

test("who may see pods may see what they use", async (t) => {
  const { as, answer } = await scene(t);
  const ada: User = { name: "ada", groups: [] };
  await assert.rejects(as(ada).list(PodMetricses, { namespace: "default" }), { code: 403 });
  const autoscaler: User = { name: "system:serviceaccount:kube-system:horizontal-pod-autoscaler", groups: [] };
  assert.deepEqual(namesOf(await answer(as(autoscaler).list(PodMetricses, { namespace: "default" }))), ["a", "b"]);
});

test("an operator's own metrics server may take the group over, and give it back", async (t) => {
  const { client, rest } = await scene(t);
  const key = { name: "v1beta1.metrics.k8s.io" };
  const own = await client.get(APIServices, key);
  assert.equal(own.spec.service, undefined);
  assert.deepEqual([own.spec.groupPriorityMinimum, own.spec.versionPriority], [100, 100]);
  // What `kubectl apply` makes of the one that is there.
  const service = { namespace: "kube-system", name: "metrics-server" };
  await client.patch(APIServices, key, { spec: { service, insecureSkipTLSVerify: true } });
  await rest();
  assert.equal((await client.get(APIServices, key)).spec.service?.name, "metrics-server");
  await client.delete(APIServices, key);
  await rest();
  assert.equal((await client.get(APIServices, key)).spec.service, undefined);
});
