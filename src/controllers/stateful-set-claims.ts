// The volumes that a StatefulSet gives each of its pods, and what becomes of them: KEP-1847 and
// pkg/controller/statefulset/stateful_set_utils.go. Pure functions.
import {
  apiVersionOf,
  controllerOf,
  type NewObject,
  newControllerReference,
  type OwnerReference,
  type PersistentVolumeClaim,
  Pods,
  type ResourceReference,
  type StatefulSet,
  StatefulSets,
  type Volume,
} from "../api/index.ts";

/** What is known of a pod's identity; the uid is missing while it is not created. */
export interface PodIdentity {
  readonly name: string;
  readonly uid?: string;
  /** Whether the set still wants it; those that do not count any more are being scaled down. */
  readonly wanted: boolean;
  readonly ordinal: number;
}

/** What to do about the claims of one pod. */
export interface ClaimChanges {
  readonly create: readonly NewObject<PersistentVolumeClaim>[];
  /** With other owners than they have. */
  readonly update: readonly PersistentVolumeClaim[];
  /** The names of claims that are being deleted: the pod must wait until they are gone. */
  readonly leaving: readonly string[];
  /** The names of claims that another controller manages; the retention policy does not count for them. */
  readonly conflicting: readonly string[];
}

export type ClaimLookup = (name: string) => PersistentVolumeClaim | undefined;

export function claimName(set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string {
  return `${template.metadata.name}-${set.metadata.name}-${ordinal}`;
}

function templatesOf({ spec }: StatefulSet): readonly PersistentVolumeClaim[] {
  return spec.volumeClaimTemplates ?? [];
}

/** A pod's volumes with those of the claim templates in front; they take the place of others with their names. */
export function withClaimVolumes(
  set: StatefulSet,
  volumes: readonly Volume[] | undefined,
  ordinal: number,
): readonly Volume[] {
  const names = new Set(templatesOf(set).map(({ metadata }) => metadata.name));
  return [
    ...templatesOf(set).map((template) => ({
      name: template.metadata.name,
      persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
    })),
    ...(volumes ?? []).filter(({ name }) => !names.has(name)),
  ];
}

/** Whether a pod's volumes lead to its own claims. */
export function storageMatches(set: StatefulSet, volumes: readonly Volume[] | undefined, ordinal: number): boolean {
  return templatesOf(set).every((template) => {
    const volume = volumes?.find(({ name }) => name === template.metadata.name);
    return volume?.persistentVolumeClaim?.claimName === claimName(set, template, ordinal);
  });
}

/** What the claims of a pod lack: those that are missing, and owners as the retention policy asks. */
export function claimChanges(set: StatefulSet, pod: PodIdentity, claimOf: ClaimLookup): ClaimChanges {
  const create: NewObject<PersistentVolumeClaim>[] = [];
  const update: PersistentVolumeClaim[] = [];
  const leaving: string[] = [];
  const conflicting: string[] = [];
  for (const template of templatesOf(set)) {
    const name = claimName(set, template, pod.ordinal);
    const claim = claimOf(name);
    if (!claim) {
      create.push(newClaim(set, template, pod, name));
      continue;
    }
    if (claim.metadata.deletionTimestamp !== undefined) leaving.push(name);
    if (isManagedByAnother(claim, set, pod)) conflicting.push(name);
    const ownerReferences = ownersOfClaim(claim, set, pod);
    if (ownerReferences) update.push({ ...claim, metadata: { ...claim.metadata, ownerReferences } });
  }
  return { create, update, leaving, conflicting };
}

function newClaim(
  set: StatefulSet,
  { metadata, spec }: PersistentVolumeClaim,
  pod: PodIdentity,
  name: string,
): NewObject<PersistentVolumeClaim> {
  const { namespace } = set.metadata;
  const ownerReferences = wantedOwners(set, pod);
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...metadata.labels, ...set.spec.selector.matchLabels },
      ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
      ...(metadata.finalizers === undefined ? {} : { finalizers: metadata.finalizers }),
      ...(ownerReferences.length === 0 ? {} : { ownerReferences }),
    },
    spec,
  };
}

function policyOf({ spec }: StatefulSet) {
  const { whenDeleted, whenScaled } = spec.persistentVolumeClaimRetentionPolicy ?? {};
  return { deletesWithSet: whenDeleted === "Delete", deletesWithPod: whenScaled === "Delete" };
}

/** Whose end is to be the claim's end as well: the pod's once it is being scaled down, the set's until then. */
function wantedOwners(set: StatefulSet, { name, uid, wanted }: PodIdentity): readonly OwnerReference[] {
  const { deletesWithSet, deletesWithPod } = policyOf(set);
  if (deletesWithPod && !wanted) {
    if (uid === undefined) return [];
    return [{ apiVersion: "v1", kind: "Pod", name, uid, controller: true, blockOwnerDeletion: true }];
  }
  return deletesWithSet ? [newControllerReference(set, StatefulSets)] : [];
}

/** The owners that the claim is to have; undefined when it has them, or when it must not be touched. */
function ownersOfClaim(
  claim: PersistentVolumeClaim,
  set: StatefulSet,
  pod: PodIdentity,
): readonly OwnerReference[] | undefined {
  const present = claim.metadata.ownerReferences ?? [];
  const isOurs = (owner: OwnerReference) => namesSet(owner, set) || namesPod(owner, pod);
  const ours = present.filter(isOurs);
  // Somebody with the same name, who is gone: the garbage collector decides about the claim.
  if (ours.some((owner) => owner.uid !== (namesSet(owner, set) ? set.metadata.uid : pod.uid))) return undefined;
  const wanted = isManagedByAnother(claim, set, pod) ? [] : wantedOwners(set, pod);
  const asWanted =
    ours.length === wanted.length &&
    wanted.every((each) => ours.some(({ uid, controller }) => uid === each.uid && controller === true));
  return asWanted ? undefined : [...present.filter((owner) => !isOurs(owner)), ...wanted];
}

/** Whether the policy asks for an owner where another controller is one already. */
function isManagedByAnother(claim: PersistentVolumeClaim, set: StatefulSet, pod: PodIdentity): boolean {
  const { deletesWithSet, deletesWithPod } = policyOf(set);
  if (!deletesWithSet && !deletesWithPod) return false;
  const controller = controllerOf(claim);
  return controller !== undefined && !namesSet(controller, set) && !namesPod(controller, pod);
}

/**
 * Whether a claim belongs to a former pod of this name and goes with it: the next pod must not start with it. Only where
 * claims go with their pods.
 */
export function hasStaleClaim(set: StatefulSet, pod: PodIdentity, claimOf: ClaimLookup): boolean {
  if (!policyOf(set).deletesWithPod) return false;
  return templatesOf(set).some((template) => {
    const owners = claimOf(claimName(set, template, pod.ordinal))?.metadata.ownerReferences ?? [];
    return owners.some((owner) => namesPod(owner, pod) && owner.uid !== pod.uid);
  });
}

function namesSet(owner: OwnerReference, { metadata }: StatefulSet): boolean {
  return isOfKind(owner, StatefulSets) && owner.name === metadata.name;
}

function namesPod(owner: OwnerReference, { name }: PodIdentity): boolean {
  return isOfKind(owner, Pods) && owner.name === name;
}

function isOfKind({ apiVersion, kind }: OwnerReference, resource: ResourceReference): boolean {
  return kind === resource.kind && apiVersion === apiVersionOf(resource);
}
