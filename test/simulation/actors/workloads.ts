// What is done to a workload, whatever its kind.
import {
  DaemonSets,
  Deployments,
  type KubeObject,
  type PodSpec,
  Pods,
  type PodTemplateSpec,
  ReplicaSets,
  type ResourceReference,
  StatefulSets,
} from "roder";
import { type Actor, brokenImage, namespace, replicasMax, type Scene } from "../scene.ts";

type Rolled = KubeObject & { readonly spec: { readonly template?: PodTemplateSpec } };
const rolled: readonly ResourceReference<Rolled>[] = [Deployments, Deployments, StatefulSets, DaemonSets];

export const scale: Actor = {
  weight: 4,
  async act(scene) {
    const target = targetOf(scene, [Deployments, Deployments, StatefulSets]);
    if (!target) return;
    const replicas = scene.between(0, replicasMax);
    scene.note(`scale ${target.name} to ${replicas}`);
    await scene.client.patch(target.resource, target, { spec: { replicas } });
  },
};

export const roll: Actor = {
  weight: 4,
  async act(scene) {
    const target = targetOf(scene, rolled);
    if (!target) return;
    const image = `app:${scene.between(2, 9)}`;
    scene.note(`set the image of ${target.name} to ${image}`);
    await scene.client.patch(target.resource, target, templateWith(image));
  },
};

/** Rolls to an image that never starts, until somebody finds out. */
export const breakRollout: Actor = {
  async act(scene) {
    const target = targetOf(scene, rolled);
    if (!target) return;
    scene.note(`set the image of ${target.name} to ${brokenImage}`);
    await scene.client.patch(target.resource, target, templateWith(brokenImage));
  },
  async repair(scene) {
    const { client } = scene;
    for (const resource of new Set(rolled))
      for (const { metadata, spec } of (await client.list(resource, { namespace })).items)
        if (imageOf(spec.template?.spec) === brokenImage) await client.patch(resource, metadata, templateWith("app:1"));
    // Of a Deployment that was deleted without its dependents.
    for (const { metadata, spec } of (await client.list(ReplicaSets, { namespace })).items)
      if (!metadata.ownerReferences?.length && imageOf(spec.template?.spec) === brokenImage)
        await client.delete(ReplicaSets, metadata);
    // A StatefulSet whose pods come in order waits for one that never starts:
    // https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
    for (const { metadata, spec } of (await client.list(Pods, { namespace })).items)
      if (imageOf(spec) === brokenImage) await scene.unlessRefused(() => client.delete(Pods, metadata));
  },
};

function targetOf(scene: Scene, kinds: readonly ResourceReference[]) {
  const resource = scene.oneOf(kinds);
  const name = resource && scene.pick(resource.plural);
  return name === undefined || !resource ? undefined : { resource, namespace, name };
}

const templateWith = (image: string) => ({ spec: { template: { spec: { containers: [{ name: "main", image }] } } } });
const imageOf = (spec: PodSpec | undefined) => spec?.containers[0]?.image;
