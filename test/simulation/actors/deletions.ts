// What goes, and what keeps it from going.
import {
  DaemonSets,
  Deployments,
  Jobs,
  type KubeObject,
  Pods,
  ReplicaSets,
  ResourceQuotas,
  type ResourceReference,
  StatefulSets,
} from "roder";
import { type Actor, namespace, resources, type Scene } from "../scene.ts";

const hold = "simulation.roder.io/hold";
const held: readonly ResourceReference[] = [Pods, Pods, Pods, ReplicaSets, Deployments, StatefulSets, DaemonSets, Jobs];

export const deleteOne: Actor = {
  async act(scene) {
    const [plural, names] = scene.oneOf([...scene.wanted].filter(([, each]) => each.size > 0)) ?? [];
    const name = names && scene.oneOf([...names]);
    const resource = plural !== undefined && resources.find((each) => each.plural === plural);
    if (!resource || name === undefined || resource === ResourceQuotas) return;
    const propagationPolicy = scene.oneOf(["Background", "Foreground", "Foreground", "Orphan"]);
    scene.note(`delete ${plural} ${name} (${propagationPolicy})`);
    await scene.client.delete(resource, { namespace, name }, { body: { propagationPolicy } });
    names?.delete(name);
  },
};

export const deletePod: Actor = {
  async act(scene) {
    const { items } = await scene.client.list(Pods, { namespace });
    const pod = scene.oneOf(items)?.metadata;
    if (!pod) return;
    const propagationPolicy = scene.oneOf(["Background", "Background", "Foreground"]);
    scene.note(`delete the pod ${pod.name} (${propagationPolicy})`);
    await scene.client.delete(Pods, pod, { body: { propagationPolicy } });
  },
};

/** Somebody else has something to do before an object may go, and does it some time. */
export const holdBack: Actor = {
  weight: 2,
  async act(scene) {
    const { client } = scene;
    const resource = scene.oneOf(held);
    if (!resource) return;
    const { metadata } = scene.oneOf((await client.list(resource, { namespace })).items) ?? {};
    if (!metadata) return;
    const isHeld = metadata.finalizers?.includes(hold) ?? false;
    // Nothing may be held any more that is going already.
    if (!isHeld && metadata.deletionTimestamp !== undefined) return;
    scene.note(`${isHeld ? "let go" : "hold back"} ${resource.plural} ${metadata.name}`);
    await setHold(client, resource, metadata, !isHeld);
  },
  async repair({ client }) {
    for (const resource of new Set(held))
      for (const { metadata } of (await client.list(resource, { namespace })).items)
        if (metadata.finalizers?.includes(hold)) await setHold(client, resource, metadata, false);
  },
};

function setHold(
  client: Scene["client"],
  resource: ResourceReference,
  metadata: KubeObject["metadata"],
  isHeld: boolean,
) {
  const { finalizers = [], resourceVersion } = metadata;
  const next = isHeld ? [...finalizers, hold] : finalizers.filter((each) => each !== hold);
  return client.patch(resource, metadata, { metadata: { finalizers: next, resourceVersion } });
}
