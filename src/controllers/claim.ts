// Who belongs to whom: a controller takes in orphans that its selector matches and lets go of what it does not match any
// more. https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#non-template-pod-acquisitions
import { controllerOf, isGone, type KubeObject, newControllerReference, type ResourceReference } from "../api/index.ts";
import { type IndexDefinition, keyOf, type ReconcileContext } from "../client/index.ts";

/** The index of what has no controller, by namespace. */
const orphans = "orphans";

/** To be among the indexes of a controller that claims objects of `resource`. */
export function orphanIndex(resource: ResourceReference): IndexDefinition {
  return {
    resource,
    name: orphans,
    values: (object: KubeObject) => (controllerOf(object) ? [] : [object.metadata.namespace ?? ""]),
  };
}

export interface Claim<T extends KubeObject> {
  readonly owner: KubeObject;
  readonly ownerResource: ResourceReference;
  readonly resource: ResourceReference<T>;
  /** Whether the owner's selector matches. */
  readonly matches: (object: T) => boolean;
  /** Which objects are worth claiming; the others stay as they are. All when left out. */
  readonly considers?: (object: T) => boolean;
  /** What an adopted object gets, and one that is released loses. */
  readonly finalizer?: string;
}

export interface ClaimPlan<T> {
  readonly kept: readonly T[];
  readonly adopted: readonly T[];
  readonly released: readonly T[];
}

/** What to do with `candidates`. An owner that is being deleted changes nothing, and keeps what it has. */
function planClaim<T extends KubeObject>(claim: Claim<T>, candidates: readonly T[]): ClaimPlan<T> {
  const { owner, matches, considers } = claim;
  const kept: T[] = [];
  const adopted: T[] = [];
  const released: T[] = [];
  const ownerStays = owner.metadata.deletionTimestamp === undefined;
  for (const object of candidates) {
    if (considers && !considers(object)) continue;
    const controller = controllerOf(object);
    if (controller) {
      if (controller.uid !== owner.metadata.uid) continue;
      if (matches(object)) kept.push(object);
      else if (ownerStays) released.push(object);
    } else if (ownerStays && object.metadata.deletionTimestamp === undefined && matches(object)) {
      adopted.push(object);
    }
  }
  return { kept, adopted, released };
}

/** The objects that belong to the owner, after adopting and releasing what there is to adopt and release. */
export async function claimObjects<T extends KubeObject>(
  context: ReconcileContext,
  claim: Claim<T>,
): Promise<readonly T[]> {
  const { cache } = context;
  const { owner, resource } = claim;
  const plan = planClaim(claim, [
    ...cache.ownedBy(resource, owner),
    ...cache.byIndex(resource, orphans, owner.metadata.namespace ?? ""),
  ]);
  if (plan.adopted.length > 0) await mustStillExist(context, claim);
  const adopted = await Promise.all(plan.adopted.map((object) => adopt(context, claim, object)));
  await Promise.all(plan.released.map((object) => release(context, claim, object)));
  return [...plan.kept, ...adopted.filter((object) => object !== undefined)];
}

/** The cache may not know yet that the owner is gone, and nobody would clean up after it then. */
async function mustStillExist(
  { client }: ReconcileContext,
  { owner, ownerResource }: Pick<Claim<KubeObject>, "owner" | "ownerResource">,
): Promise<void> {
  const fresh = await client.get(ownerResource, owner.metadata);
  if (fresh.metadata.uid !== owner.metadata.uid) {
    throw new Error(`the ${ownerResource.kind} ${keyOf(owner)} is gone: another one has its name`);
  }
  if (fresh.metadata.deletionTimestamp !== undefined) {
    throw new Error(`the ${ownerResource.kind} ${keyOf(owner)} has just been deleted`);
  }
}

function adopt<T extends KubeObject>(
  context: ReconcileContext,
  { owner, ownerResource, resource, finalizer }: Claim<T>,
  object: T,
): Promise<T | undefined> {
  const ownerReferences = [newControllerReference(owner, ownerResource)];
  const more = finalizer === undefined ? {} : { finalizers: [finalizer] };
  return patchUnlessGone(context, resource, object, { ownerReferences, ...more });
}

function release<T extends KubeObject>(
  context: ReconcileContext,
  { owner, resource, finalizer }: Claim<T>,
  object: T,
): Promise<T | undefined> {
  const ownerReferences = [{ $patch: "delete", uid: owner.metadata.uid }];
  const less = finalizer === undefined ? {} : { "$deleteFromPrimitiveList/finalizers": [finalizer] };
  return patchUnlessGone(context, resource, object, { ownerReferences, ...less });
}

/** The uid in the patch makes it fail when the name belongs to another object by now. */
async function patchUnlessGone<T extends KubeObject>(
  { client }: ReconcileContext,
  resource: ResourceReference<T>,
  object: T,
  metadata: object,
): Promise<T | undefined> {
  const patch = { metadata: { ...metadata, uid: object.metadata.uid } };
  try {
    return await client.patch(resource, object.metadata, patch, { type: "application/strategic-merge-patch+json" });
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
