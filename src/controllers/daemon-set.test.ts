import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import {
  ControllerRevisions,
  type DaemonSet,
  DaemonSets,
  type NewObject,
  Nodes,
  Pods,
  type Taint,
} from "../api/index.ts";
import { targetNode } from "./daemon-set-placement.ts";

const controllers = ["daemonset-controller", "garbage-collector-controller", "serviceaccount-controller"];
const key = { namespace: "default", name: "agent" };
const labels = { app: "agent" };
const strategic = { type: "application/strategic-merge-patch+json" } as const;

const agent = (more: object = {}, podSpec: object = {}): NewObject<DaemonSet> => ({
  apiVersion: "apps/v1",
  kind: "DaemonSet",
  metadata: key,
  spec: {
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: { terminationGracePeriodSeconds: 0, containers: [{ name: "agent", image: "agent:1" }], ...podSpec },
    },
    ...more,
  },
});

async function scene(t: TestContext, nodeNames: readonly string[] = ["n1", "n2", "n3"]) {
  const plane = await startTestControlPlane(t, { controllers });
  const { client, list, rest, startPods, create } = plane;
  await rest();
  const taint = (name: string, taints: readonly Taint[] | null) => client.patch(Nodes, { name }, { spec: { taints } });
  const addNode = async (name: string, nodeLabels: Record<string, string> = {}) => {
    await create(Nodes, { metadata: { name, labels: nodeLabels } });
    // A new node has a taint until it is ready.
    await taint(name, null);
  };
  for (const name of nodeNames) await addNode(name);
  const pods = async () => (await list(Pods, "default")).filter(({ metadata }) => !metadata.deletionTimestamp);
  return {
    ...plane,
    taint,
    addNode,
    pods,
    /** Images by node. */
    async images() {
      const all: Record<string, string> = {};
      for (const pod of await pods()) {
        const node = targetNode(pod) ?? "";
        const image = pod.spec.containers[0]?.image ?? "";
        all[node] = all[node] === undefined ? image : `${all[node]} ${image}`;
      }
      return all;
    },
    get: () => client.get(DaemonSets, key),
    setImage: (image: string) =>
      client.patch(
        DaemonSets,
        key,
        { spec: { template: { spec: { containers: [{ name: "agent", image }] } } } },
        strategic,
      ),
    async settle(rounds = 12) {
      for (let round = 0; round < rounds; round++) {
        await rest(400);
        await startPods();
      }
      await rest(400);
    },
  };
}

const allOn = (image: string, ...nodes: readonly string[]) => Object.fromEntries(nodes.map((name) => [name, image]));

test("DaemonSet-Creation: a pod on every node, and another when one is deleted", async (t) => {
  const { client, create, pods, images, settle, get, events } = await scene(t);
  await create(DaemonSets, agent());
  await settle(2);
  assert.deepEqual(await images(), allOn("agent:1", "n1", "n2", "n3"));
  const { status, metadata } = await get();
  assert.deepEqual(status, {
    observedGeneration: metadata.generation,
    currentNumberScheduled: 3,
    desiredNumberScheduled: 3,
    numberMisscheduled: 0,
    numberReady: 3,
    updatedNumberScheduled: 3,
    numberAvailable: 3,
  });
  const [first] = await pods();
  await client.delete(Pods, first!.metadata);
  await settle(2);
  assert.deepEqual(await images(), allOn("agent:1", "n1", "n2", "n3"));
  const said = await events("DaemonSet");
  assert.equal(said.filter((each) => each.startsWith("Normal SuccessfulCreate Created pod: agent-")).length, 4);
});

test("a pod asks the scheduler for its node and tolerates what ails nodes", async (t) => {
  const { create, pods, rest, list } = await scene(t, ["n1"]);
  const preferred = [{ weight: 1, preference: { matchExpressions: [{ key: "disk", operator: "Exists" }] } }];
  const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } };
  const tolerations = [{ key: "own", operator: "Exists" }];
  await create(DaemonSets, agent({}, { affinity, tolerations, hostNetwork: true }));
  await rest();
  const [pod] = await pods();
  const [revision] = await list(ControllerRevisions, "default");
  assert.match(pod!.metadata.name, /^agent-[a-z0-9]{5}$/);
  assert.deepEqual(pod?.metadata.labels, {
    ...labels,
    "controller-revision-hash": revision?.metadata.labels?.["controller-revision-hash"],
  });
  assert.equal(pod?.spec.nodeName, undefined);
  assert.deepEqual(pod?.spec.affinity?.nodeAffinity, {
    preferredDuringSchedulingIgnoredDuringExecution: preferred,
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] }],
    },
  });
  assert.deepEqual(
    pod?.spec.tolerations?.map(({ key: name, effect }) => `${name?.replace("node.kubernetes.io/", "")} ${effect}`),
    [
      "own undefined",
      "not-ready NoExecute",
      "unreachable NoExecute",
      "disk-pressure NoSchedule",
      "memory-pressure NoSchedule",
      "pid-pressure NoSchedule",
      "unschedulable NoSchedule",
      "network-unavailable NoSchedule",
    ],
  );
});
