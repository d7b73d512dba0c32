// Who needs room, and nodes that shall be empty.
import { Deployments, type Node, Nodes, PriorityClasses } from "roder";
import { type Actor, maintenance, namespace, podSpec, type Scene } from "../scene.ts";

const crowd = "crowd";
/** Two of its pods fill most of a node. */
const crowdCpu = "1500m";
const classes = [
  { name: "low", value: -10 },
  { name: "high", value: 1_000 },
  { name: "polite", value: 2_000, preemptionPolicy: "Never" },
];

/** A Deployment that takes so much that beside another one somebody has to go, or to wait. */
export const createCrowd: Actor = {
  weight: 2,
  async prepare({ client }) {
    for (const { name, ...rest } of classes) await client.create(PriorityClasses, { metadata: { name }, ...rest });
  },
  act(scene) {
    const name = scene.newName(crowd);
    const priorityClassName = scene.oneOf(["low", "low", undefined, "high", "polite"]);
    const [container, ...others] = podSpec("app:1").containers;
    const containers = [{ ...container, resources: { requests: { cpu: crowdCpu } } }, ...others];
    const spec = { ...podSpec("app:1"), containers, ...(priorityClassName ? { priorityClassName } : {}) };
    return scene.createWorkload(Deployments, name, {
      replicas: scene.between(scene.cluster.nodes.size, 2 * scene.cluster.nodes.size),
      template: { metadata: { labels: { app: name } }, spec },
    });
  },
  async repair(scene) {
    const { items } = await scene.client.list(Deployments, { namespace });
    for (const { metadata } of items) {
      if (!metadata.name.startsWith(crowd)) continue;
      const body = { propagationPolicy: "Foreground" };
      await scene.unlessRefused(() => scene.client.delete(Deployments, metadata, { body }));
      scene.wanted.get("deployments")?.delete(metadata.name);
    }
  },
};

/** Nobody shall be on a node who does not tolerate it, or all may come again. */
export const maintainNode: Actor = {
  weight: 2,
  async act(scene) {
    const node = scene.oneOf((await scene.client.list(Nodes)).items);
    if (node) await setMaintenance(scene, node.metadata.name, !isMaintained(node));
  },
  async repair(scene) {
    for (const node of (await scene.client.list(Nodes)).items)
      if (isMaintained(node)) await setMaintenance(scene, node.metadata.name, false);
  },
};

const isMaintained = ({ spec }: Node) => spec?.taints?.some(({ key }) => key === maintenance) ?? false;

async function setMaintenance({ client, note }: Scene, name: string, isMaintained: boolean) {
  note(`${isMaintained ? "clear" : "open"} ${name}`);
  const node = await client.get(Nodes, { name });
  const others = (node.spec?.taints ?? []).filter(({ key }) => key !== maintenance);
  const taints = isMaintained ? [...others, { key: maintenance, effect: "NoExecute" }] : others;
  await client.patch(
    Nodes,
    { name },
    { metadata: { resourceVersion: node.metadata.resourceVersion }, spec: { taints } },
  );
}
