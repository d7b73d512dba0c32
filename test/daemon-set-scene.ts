// A control plane with a DaemonSet's controller and nodes, for its tests.
import type { TestContext } from "node:test";
import { type DaemonSet, DaemonSets, type NewObject, Nodes, Pods, type Taint } from "../src/api/index.ts";
import { targetNode } from "../src/controllers/daemon-set-placement.ts";
import { timestamp } from "../src/lib/index.ts";
import { startTestControlPlane } from "./control-plane.ts";

const controllers = [
  "daemonset-controller",
  "replicaset-controller",
  "garbage-collector-controller",
  "serviceaccount-controller",
];
export const key = { namespace: "default", name: "agent" };
export const labels = { app: "agent" };
const asStatus = { type: "application/merge-patch+json", subresource: "status" } as const;
export const strategic = { type: "application/strategic-merge-patch+json" } as const;

export const agent = (more: object = {}, podSpec: object = {}): NewObject<DaemonSet> => ({
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

export async function startScene(t: TestContext, nodeNames: readonly string[] = ["n1", "n2", "n3"]) {
  const plane = await startTestControlPlane(t, { controllers });
  const { client, clock, list, rest, startPods, create } = plane;
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
    /** Plays a node: the pods on it become ready, or are so no more. */
    async setReady(node: string, isReady: boolean) {
      const lastTransitionTime = timestamp(clock.now());
      const conditions = [{ type: "Ready", status: isReady ? "True" : "False", lastTransitionTime }];
      for (const pod of await pods()) {
        if (targetNode(pod) === node)
          await client.patch(Pods, pod.metadata, { status: { phase: "Running", conditions } }, asStatus);
      }
    },
    async setPhase(node: string, phase: string) {
      for (const pod of await pods()) {
        if (targetNode(pod) === node) await client.patch(Pods, pod.metadata, { status: { phase } }, asStatus);
      }
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

export const allOn = (image: string, ...nodes: readonly string[]) =>
  Object.fromEntries(nodes.map((name) => [name, image]));
