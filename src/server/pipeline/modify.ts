import {
  ApiError,
  badRequest,
  conflict,
  invalid,
  invalidValue,
  type KubeObject,
  managersAfterScale,
  managersOfScale,
  notFound,
  onlyTimesDiffer,
  type ReplicasPlace,
  type ResourceDefinition,
  rootPath,
  settle,
} from "../../api/index.ts";
import { type Draft, deepEqual, shared } from "../../lib/index.ts";
import type { StoredObject } from "../../storage/index.ts";
import { forbiddenError, requestAttributes } from "../authorization/index.ts";
import { admissionRequest, admit, validateAdmission } from "./admission-chain.ts";
import { commitmentOf, untilUndisturbed, writeFitting } from "./commit.ts";
import { type ObjectRequest, warn } from "./context.ts";
import { createObject } from "./create.ts";
import { recordOwnership, setManagedFields } from "./field-ownership.ts";
import type { Form } from "./form.ts";
import { isNamespace } from "./kind-rules.ts";
import { dropRepeatedOwners, keepOldMetadata, placeInNamespace, validateUpdatedMetadata } from "./metadata.ts";
import { changedObject } from "./resource-store.ts";

/** Whoever finds an object there and gone by turns so often gives up. */
const createdMeanwhileMax = 10;

export interface Modified {
  readonly stored: StoredObject;
  readonly created: boolean;
}

export interface Modification {
  readonly form: Form;
  /**
   * The body to write, made of what is there now in this form (undefined: nothing is). It is called again after a lost
   * race and gives a new body each time.
   */
  readonly body: (shown: KubeObject | undefined) => Draft<KubeObject>;
  /** Whether a name that does not exist is created. */
  readonly creates: boolean;
}

/** Reads, changes and writes the object that the request names. */
export async function modifyObject(request: ObjectRequest, modification: Modification): Promise<Modified> {
  const { store, definition, namespace, name } = request;
  for (let rounds = 1; ; rounds++) {
    const stored = await untilUndisturbed(request, async () => {
      const current = await store.read(namespace, name);
      return current && updateObject(request, modification, current);
    });
    if (stored) return { stored, created: false };
    if (!modification.creates) throw notFound(definition, name);
    try {
      // A creation waits for a turn of its own: within that of an update it would wait for itself.
      return { stored: await createNamed(request, modification), created: true };
    } catch (error) {
      // Somebody else created it first: then this is a change of theirs.
      if (!(error instanceof ApiError) || error.reason !== "AlreadyExists" || rounds === createdMeanwhileMax)
        throw error;
    }
  }
}

async function createNamed(request: ObjectRequest, { body }: Modification): Promise<StoredObject> {
  const { definition, name } = request;
  const object = body(undefined);
  const { uid, resourceVersion = "" } = object.metadata;
  if (uid)
    throw conflict(
      definition,
      name,
      isApply(request)
        ? `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`
        : `Precondition failed: UID in precondition: ${uid}, UID in object meta: `,
    );
  checkName(request, object);
  if (resourceVersion !== "" && resourceVersion !== "0")
    throw isApply(request) ? conflict(definition, name) : notFound(definition, name);
  object.metadata.resourceVersion = "";
  await authorizeCreate(request);
  return createObject(request, object);
}

/** Who may change an object may not, by that alone, create one (withAuthorization in k8s.io/apiserver's handlers). */
async function authorizeCreate({ context, definition, namespace, name, user }: ObjectRequest): Promise<void> {
  const { group, version, plural } = definition;
  const attributes = requestAttributes({ verb: "create", group, version, plural, namespace, name }, user);
  const { allowed, reason } = await context.authorizer.authorize(attributes);
  if (!allowed) throw forbiddenError(attributes, reason);
}

function isApply({ patchType }: ObjectRequest): boolean {
  return patchType === "application/apply-patch+yaml";
}

async function updateObject(
  request: ObjectRequest,
  modification: Modification,
  current: StoredObject,
): Promise<StoredObject> {
  const { form } = modification;
  const old = current.object;
  const shown = form.show ? form.show(old) : old;
  const owned = form.replicas ? withScaleManagers(shown, old, form.replicas) : shown;
  // What is stored was decoded, and its list of managers is replaced and never changed.
  if (owned.metadata.managedFields) settle(owned.metadata.managedFields);
  const body = modification.body(owned);
  checkName(request, body);
  checkPreconditions(request, body, old);
  dropRepeatedOwners(request, body.metadata);
  if (!isApply(request)) recordOwnership(request, form, body, owned);
  await admit(request, admissionRequest(request, "UPDATE", body, shown, { kind: form }));
  dropRepeatedOwners(request, body.metadata, true);
  const wrong = form.validateBody?.(body) ?? [];
  if (wrong.length > 0) throw invalid(form, request.name, wrong);
  const next = form.next(body, old, request);
  if (form.replicas)
    setManagedFields(next, managersAfterScale(old.metadata.managedFields, body.metadata.managedFields, form.replicas));
  completeUpdate(request, form, next, old);
  const admission = admissionRequest(request, "UPDATE", form.show ? body : next, shown, { kind: form });
  await validateAdmission(request, admission);
  return shownAs(form, await commitUpdate(request, next, current));
}

/** A scale with the managers of the object's replicas for its own; they are not shown to clients. */
function withScaleManagers(scale: KubeObject, { metadata }: KubeObject, replicas: ReplicasPlace): KubeObject {
  const managedFields = managersOfScale(metadata.managedFields, replicas);
  return managedFields ? { ...scale, metadata: { ...scale.metadata, managedFields } } : scale;
}

function shownAs({ show }: Form, stored: StoredObject): StoredObject {
  return show ? changedObject(stored, show(stored.object)) : stored;
}

/** Throws 400 when the body is not about the object that the request names. */
function checkName(request: ObjectRequest, { metadata }: Draft<KubeObject>): void {
  const { name } = request;
  placeInNamespace(request, metadata);
  if (!metadata.name)
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (metadata.name !== name)
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
}

function checkPreconditions({ definition, patchType }: ObjectRequest, body: Draft<KubeObject>, old: KubeObject): void {
  const { name, uid, resourceVersion } = body.metadata;
  // First, because it says more: the object is another one, not only another version. To a patch validation tells it.
  if (uid && uid !== old.metadata.uid && patchType === undefined) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`;
    throw conflict(definition, name, why);
  }
  if (resourceVersion && resourceVersion !== "0") {
    if (resourceVersion !== old.metadata.resourceVersion) throw conflict(definition, name);
  } else if (!definition.allowsUnconditionalUpdate) {
    const at = rootPath.child("metadata", "resourceVersion");
    throw invalid(definition, name, [invalidValue(at, 0n, "must be specified for an update")]);
  }
}

/** Carries over what the client cannot change, prepares, counts the generation, and validates. */
function completeUpdate(request: ObjectRequest, form: Form, next: Draft<KubeObject>, old: KubeObject): void {
  const { definition, context, user } = request;
  keepOldMetadata(next.metadata, old.metadata);
  const prepare = form.prepares
    ? definition.prepareForUpdate
    : form.preparesStatus && definition.prepareForStatusUpdate;
  if (prepare) prepare(next, old, { nowMs: context.clock.now(), user });
  shareParts(next, old);
  countGeneration(definition, form, next, old);
  const changed = next as KubeObject;
  const errors = [...validateUpdatedMetadata(definition, changed, old), ...form.validate(changed, old, definition)];
  if (errors.length > 0) throw invalid(form, old.metadata.name, errors);
  if (form.prepares && !form.withoutWarnings)
    for (const sentence of definition.warnings?.(changed, old) ?? []) warn(request, sentence);
}

/** What an update leaves as it was is the same object from here on, and nobody changes it any more. */
function shareParts(next: Draft<KubeObject>, old: KubeObject): void {
  const { metadata } = next;
  Object.assign(next, shared({ ...next, metadata: old.metadata }, old), { metadata });
  Object.assign(metadata, shared(metadata, old.metadata));
}

function countGeneration(definition: ResourceDefinition, form: Form, next: Draft<KubeObject>, old: KubeObject): void {
  if (!definition.hasGeneration) return;
  const generation = old.metadata.generation ?? 1;
  const changed = !sameButFor(["metadata", ...definition.statusFields], next, old);
  const own = form.preparesStatus ? undefined : definition.isNewGeneration?.(next as KubeObject, old, changed);
  next.metadata.generation = (own ?? changed) ? Number(generation) + 1 : generation;
}

/** Whether the objects have the same but for some of their top-level fields. */
function sameButFor(excepted: readonly string[], a: object, b: object): boolean {
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  for (const field of new Set([...Object.keys(a), ...Object.keys(b)]))
    if (!excepted.includes(field) && !deepEqual(left[field], right[field])) return false;
  return true;
}

/** Writes `next` over `current`; removes it when only its finalizers had kept it. Throws ChangeConflict after a lost race. */
export async function commitUpdate(
  request: ObjectRequest,
  next: KubeObject,
  current: StoredObject,
): Promise<StoredObject> {
  const { store, definition, dryRun, context } = request;
  const { key } = current;
  const gone = isReleased(definition, next, current.object);
  const { object = next, changes } = commitmentOf(request, gone ? undefined : next, current.object);
  if (!gone && isSame(object, current.object) && store.isInStorageVersion(key) && !context.storage.isStale?.(key))
    return current;
  return writeFitting(request, object, async (fitting) => {
    const value = await store.value(fitting);
    if (dryRun) return store.proposed(key, current, value);
    const change = gone ? { key, expect: current.revision } : { key, expect: current.revision, value };
    const revision = await context.storage.commit([...changes, change]);
    await context.cache.waitFor(revision);
    return store.written(key, current.createRevision, revision, value);
  });
}

/** Whether nothing changed, but perhaps the times at which fields were managed. */
function isSame(next: KubeObject, old: KubeObject): boolean {
  const { managedFields } = old.metadata;
  const restIsSame = deepEqual({ ...next, metadata: { ...next.metadata, managedFields } }, old);
  return restIsSame && onlyTimesDiffer(managedFields, next.metadata.managedFields);
}

/** Whether this update takes away the last thing that kept a deleted object. */
function isReleased(definition: ResourceDefinition, next: KubeObject, old: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = next.metadata;
  if (deletionTimestamp === undefined || finalizers.length > 0) return false;
  if (isNamespace(definition, next)) return (next.spec?.finalizers ?? []).length === 0;
  // A pod that still runs out its grace period is removed by its agent; the old object tells, for the update cannot change it.
  return deletionGracePeriodSeconds === 0 && (old.metadata.finalizers ?? []).length > 0;
}
