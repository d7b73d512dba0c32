import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { ControllerRevisions, type NewObject, Pods, type StatefulSet, StatefulSets } from "../api/index.ts";

const controllers = ["statefulset-controller", "garbage-collector-controller", "serviceaccount-controller"];
const key = { namespace: "default", name: "web" };

const web = (replicas: number, more: object = {}): NewObject<StatefulSet> => ({
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: key,
  spec: {
    serviceName: "nginx",
    replicas,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { terminationGracePeriodSeconds: 0, containers: [{ name: "web", image: "web:1" }] },
    },
    ...more,
  },
});

async function scene(t: TestContext) {
  const plane = await startTestControlPlane(t, { controllers });
  const { client, list, rest, startPods } = plane;
  await rest();
  const pods = () => list(Pods, "default");
  return {
    ...plane,
    pods,
    names: async () => (await pods()).map(({ metadata }) => metadata.name),
    get: () => client.get(StatefulSets, key),
    pod: (ordinal: number) => client.get(Pods, { namespace: "default", name: `web-${ordinal}` }),
    setImage: (image: string) =>
      client.patch(
        StatefulSets,
        key,
        { spec: { template: { spec: { containers: [{ name: "web", image }] } } } },
        { type: "application/strategic-merge-patch+json" },
      ),
    images: async () =>
      Object.fromEntries((await pods()).map(({ metadata, spec }) => [metadata.name, spec.containers[0]?.image])),
    /** Lets pods start and the controller work until nothing changes. */
    async settle(rounds = 12) {
      for (let round = 0; round < rounds; round++) {
        await rest(400);
        await startPods();
      }
      await rest(400);
    },
  };
}

test("pods come in order, each when the one before is ready, with identities of their own", async (t) => {
  const { create, rest, names, pod, startPods, events, get, list, settle } = await scene(t);
  await create(StatefulSets, web(3));
  await rest();
  assert.deepEqual(await names(), ["web-0"]);
  await rest(60_000);
  assert.deepEqual(await names(), ["web-0"]);
  await startPods();
  await rest();
  assert.deepEqual(await names(), ["web-0", "web-1"]);
  await settle();
  assert.deepEqual(await names(), ["web-0", "web-1", "web-2"]);
  const { status, metadata } = await get();
  const [revision] = await list(ControllerRevisions, "default");
  assert.deepEqual(status, {
    observedGeneration: metadata.generation,
    replicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
    currentReplicas: 3,
    updatedReplicas: 3,
    currentRevision: revision?.metadata.name,
    updateRevision: revision?.metadata.name,
    collisionCount: 0,
  });
  const second = await pod(1);
  assert.deepEqual(second.metadata.labels, {
    app: "web",
    "apps.kubernetes.io/pod-index": "1",
    "controller-revision-hash": revision?.metadata.name,
    "statefulset.kubernetes.io/pod-name": "web-1",
  });
  assert.deepEqual([second.spec.hostname, second.spec.subdomain], ["web-1", "nginx"]);
  assert.deepEqual(await events("StatefulSet"), [
    "Normal SuccessfulCreate create Pod web-0 in StatefulSet web successful",
    "Normal SuccessfulCreate create Pod web-1 in StatefulSet web successful",
    "Normal SuccessfulCreate create Pod web-2 in StatefulSet web successful",
  ]);
});
