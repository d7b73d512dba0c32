// Holds back the removal of volumes, claims and their classes while something uses them: pkg/controller/volume/pvcprotection,
// pvprotection and vacprotection. The admission plugin StorageObjectInUseProtection sets the finalizers.
import {
  claimProtectionFinalizer,
  type KubeObject,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  PersistentVolumes,
  type Pod,
  Pods,
  podClaims,
  type ResourceReference,
  VolumeAttributesClasses,
  volumeAttributesClassProtectionFinalizer,
  volumeProtectionFinalizer,
} from "../api/index.ts";
import { also, defineController, keyOf, type ReconcileContext } from "../client/index.ts";
import { nowAndBefore } from "./selection.ts";

export const claimProtectionController = defineController({
  name: "persistentvolumeclaim-protection-controller",
  watches: {
    for: PersistentVolumeClaims,
    also: [also(Pods, (pod) => claimsOf(pod))],
  },
  indexes: [{ resource: Pods, name: "claim", values: claimsOf }],
  async reconcile(context, key) {
    const claim = context.cache.get(PersistentVolumeClaims, key);
    if (claim) await protect(context, PersistentVolumeClaims, claim, claimProtectionFinalizer, isClaimUsed);
  },
});

export const volumeProtectionController = defineController({
  name: "persistentvolume-protection-controller",
  watches: { for: PersistentVolumes },
  async reconcile(context, key) {
    const volume = context.cache.get(PersistentVolumes, key);
    if (!volume) return;
    const isBound = () => volume.status?.phase === "Bound";
    await protect(context, PersistentVolumes, volume, volumeProtectionFinalizer, isBound);
  },
});

export const volumeAttributesClassProtectionController = defineController({
  name: "volumeattributesclass-protection-controller",
  watches: {
    for: VolumeAttributesClasses,
    also: [
      also(PersistentVolumeClaims, nowAndBefore(classesOf)),
      also(PersistentVolumes, ({ spec }, _, old) =>
        [spec.volumeAttributesClassName, old?.spec.volumeAttributesClassName].filter(isName),
      ),
    ],
  },
  async reconcile(context, key) {
    const { cache } = context;
    const attributes = cache.get(VolumeAttributesClasses, key);
    if (!attributes) return;
    const isUsed = () =>
      cache.list(PersistentVolumeClaims).some((claim) => classesOf(claim).includes(key)) ||
      cache.list(PersistentVolumes).some(({ spec }) => spec.volumeAttributesClassName === key);
    await protect(context, VolumeAttributesClasses, attributes, volumeAttributesClassProtectionFinalizer, isUsed);
  },
});

/** Sets the finalizer on an object that lives, and takes it from one that is going and not used any more. */
async function protect<T extends KubeObject>(
  context: ReconcileContext,
  resource: ResourceReference<T>,
  object: T,
  finalizer: string,
  isUsed: (object: T, context: ReconcileContext) => boolean | Promise<boolean>,
): Promise<void> {
  const { client } = context;
  const { finalizers = [], deletionTimestamp } = object.metadata;
  const isHeld = finalizers.includes(finalizer);
  if (deletionTimestamp === undefined) {
    if (!isHeld) await client.update(resource, withFinalizers(object, [...finalizers, finalizer]));
  } else if (isHeld && !(await isUsed(object, context))) {
    const others = finalizers.filter((each) => each !== finalizer);
    await client.update(resource, withFinalizers(object, others));
  }
}

const withFinalizers = <T extends KubeObject>(object: T, finalizers: readonly string[]): T => ({
  ...object,
  metadata: { ...object.metadata, finalizers },
});

/** The server is asked too before a claim goes: a pod that uses it may be newer than the cache. */
async function isClaimUsed(claim: PersistentVolumeClaim, { client, cache }: ReconcileContext): Promise<boolean> {
  if (cache.byIndex(Pods, "claim", keyOf(claim)).some((pod) => uses(pod, claim))) return true;
  const { namespace = "" } = claim.metadata;
  return (await client.list(Pods, { namespace })).items.some((pod) => uses(pod, claim));
}

/**
 * A pod uses its claims from when it has a node until it is removed; those that are its own until it has stopped. It may
 * wait for these: in the foreground it goes after them, as one that its StatefulSet gave its claim when it was not wanted
 * any more. Upstream asks that of ephemeral volumes only, and there such a pod and its claim wait for each other for ever.
 */
function uses(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if (!pod.spec.nodeName || (isShutDown(pod) && owns(pod, claim))) return false;
  return (pod.spec.volumes ?? []).some(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return persistentVolumeClaim.claimName === claim.metadata.name;
    return ephemeral && `${pod.metadata.name}-${name}` === claim.metadata.name && owns(pod, claim);
  });
}

/** Whether the kubelet has stopped the pod and only its removal is left. */
const isShutDown = ({ metadata }: Pod): boolean =>
  metadata.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;

const owns = (pod: Pod, claim: PersistentVolumeClaim): boolean =>
  (claim.metadata.ownerReferences ?? []).some(({ uid }) => uid === pod.metadata.uid);

/** The keys of the claims that a pod names. */
export function claimsOf(pod: Pod): string[] {
  return podClaims(pod).map(({ name }) => `${pod.metadata.namespace}/${name}`);
}

/** The classes that a claim has, wants, or is on its way to. */
function classesOf({ spec, status }: PersistentVolumeClaim): string[] {
  return [
    spec.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter(isName);
}

const isName = (name: string | undefined): name is string => name !== undefined && name !== "";
