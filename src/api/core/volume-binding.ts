// Which volume a claim may have: k8s.io/component-helpers/storage/volume. The binder and the scheduler ask the same
// questions, the scheduler for one node.
import { matchesLabelSelector } from "../meta/label-selector.ts";
import { compareQuantities } from "../meta/quantity.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../types.generated.ts";
import { matchNodeSelectorTerms } from "./node-selector.ts";
import { volumeClass } from "./persistent-volume.ts";
import { claimClass, storageClassAnnotation } from "./persistent-volume-claim.ts";

/** On a claim: it was bound once, so a volume that is missing now is lost. */
export const bindCompletedAnnotation = "pv.kubernetes.io/bind-completed";
/** On a claim or volume: the binder chose the other one, not a user. */
export const boundByControllerAnnotation = "pv.kubernetes.io/bound-by-controller";
/** On a volume: the provisioner that made it. */
export const provisionedByAnnotation = "pv.kubernetes.io/provisioned-by";
/** On a claim: the provisioner that is to make its volume. The first is the older name, which provisioners still read. */
export const storageProvisionerAnnotations = [
  "volume.beta.kubernetes.io/storage-provisioner",
  "volume.kubernetes.io/storage-provisioner",
] as const;
/** On a claim that waits for its first consumer: the node that the scheduler chose for that pod. */
export const selectedNodeAnnotation = "volume.kubernetes.io/selected-node";

/** A claim of a pod, by name. */
export interface PodClaim {
  readonly name: string;
  /** Whether the claim is made from a template in the pod and belongs to it. */
  readonly isEphemeral: boolean;
}

/** The claims that the pod's volumes name, each volume's in order. */
export function podClaims({ metadata, spec }: Pod): PodClaim[] {
  return (spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }): PodClaim[] => {
    if (persistentVolumeClaim) return [{ name: persistentVolumeClaim.claimName, isEphemeral: false }];
    return ephemeral ? [{ name: `${metadata.name}-${name}`, isEphemeral: true }] : [];
  });
}

/** Whether the claim names a class; "" is one, that of volumes without class. */
export function namesClass({ metadata, spec }: PersistentVolumeClaim): boolean {
  return metadata.annotations?.[storageClassAnnotation] !== undefined || spec.storageClassName !== undefined;
}

/** Whether the volume is reserved for this very claim, by name or for good. */
export function isReservedFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const { claimRef } = spec;
  if (claimRef?.name !== metadata.name || claimRef.namespace !== metadata.namespace) return false;
  return !claimRef.uid || claimRef.uid === metadata.uid;
}

/** The key of the claim that the volume is reserved for, as informers file volumes. */
export function claimRefKey({ spec }: PersistentVolume): string[] {
  return spec.claimRef ? [`${spec.claimRef.namespace ?? ""}/${spec.claimRef.name ?? ""}`] : [];
}

/** The class of a volume that is reserved for nobody, as informers file volumes. */
export function freeVolumeClass(volume: PersistentVolume): string[] {
  return volume.spec.claimRef ? [] : [volumeClass(volume)];
}

const storageOf = (list: Readonly<Record<string, string>> | undefined) => list?.storage ?? "0";

const isLargeEnough = (volume: PersistentVolume, { spec }: PersistentVolumeClaim): boolean =>
  compareQuantities(storageOf(volume.spec.capacity), storageOf(spec.resources?.requests)) >= 0;

/** Whether one is a block device and the other a file system. */
export const differInVolumeMode = (volume: PersistentVolume, claim: PersistentVolumeClaim): boolean =>
  (volume.spec.volumeMode ?? "Filesystem") !== (claim.spec.volumeMode ?? "Filesystem");

const hasAccessModes = (volume: PersistentVolume, claim: PersistentVolumeClaim): boolean =>
  (claim.spec.accessModes ?? []).every((mode) => volume.spec.accessModes?.includes(mode));

const hasSameAttributes = (volume: PersistentVolume, claim: PersistentVolumeClaim): boolean =>
  (volume.spec.volumeAttributesClassName ?? "") === (claim.spec.volumeAttributesClassName ?? "");

/** Whether the volume can be used on the node. */
export function isVolumeReachable({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec.nodeAffinity?.required;
  return required === undefined || matchNodeSelectorTerms(required.nodeSelectorTerms, node);
}

/** Why a claim cannot have the volume that it names, in upstream's words; undefined when it can. */
export function whyUnsuitable(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata.deletionTimestamp !== undefined) {
    return `the volume is marked for deletion "${volume.metadata.name}"`;
  }
  if (!isLargeEnough(volume, claim)) return "requested PV is too small";
  if (volumeClass(volume) !== claimClass(claim)) return "storageClassName does not match";
  if (!hasSameAttributes(volume, claim)) return "volumeAttributesClassName does not match";
  if (differInVolumeMode(volume, claim)) return "incompatible volumeMode";
  return hasAccessModes(volume, claim) ? undefined : "incompatible accessMode";
}

/** Whether the volume is free for whoever may have it, and this claim may. */
export function isFreeFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { spec, status, metadata } = volume;
  if (spec.claimRef !== undefined || status?.phase !== "Available") return false;
  if (claim.spec.selector && !matchesLabelSelector(claim.spec.selector, metadata.labels)) return false;
  return whyUnsuitable(volume, claim) === undefined;
}

/** Whether the claim may have the volume that was reserved for it. Its class does not matter then. */
export function isReservationGood(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (
    isReservedFor(volume, claim) &&
    volume.metadata.deletionTimestamp === undefined &&
    isLargeEnough(volume, claim) &&
    hasAccessModes(volume, claim) &&
    hasSameAttributes(volume, claim) &&
    !differInVolumeMode(volume, claim)
  );
}

/** Orders volumes that fit: the one with the fewest other access modes, then the smallest, then by name. */
export function compareFits(a: PersistentVolume, b: PersistentVolume): number {
  return (
    (a.spec.accessModes?.length ?? 0) - (b.spec.accessModes?.length ?? 0) ||
    compareQuantities(storageOf(a.spec.capacity), storageOf(b.spec.capacity)) ||
    (a.metadata.name < b.metadata.name ? -1 : 1)
  );
}

/** The volume as it is when it is bound to the claim; the same object when nothing has to be changed. */
export function boundTo(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { metadata, spec } = volume;
  const isReserved = isReservedFor(volume, claim);
  if (isReserved && spec.claimRef?.uid === claim.metadata.uid) return volume;
  const { namespace = "", name, uid, resourceVersion } = claim.metadata;
  const claimRef = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid, resourceVersion };
  const annotations = isReserved
    ? metadata.annotations
    : { ...metadata.annotations, [boundByControllerAnnotation]: "yes" };
  return {
    ...volume,
    metadata: { ...metadata, ...(annotations ? { annotations } : {}) },
    spec: { ...spec, claimRef },
  };
}
