import {
  badRequest,
  type FieldError,
  type KubeObject,
  nameIsDnsSubdomain,
  type ObjectMeta,
  type ResourceDefinition,
  rootPath,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from "../../api/index.ts";
import { type Draft, timestamp, uuid } from "../../lib/index.ts";
import { type ObjectRequest, warn } from "./context.ts";
import { isBuiltIn } from "./kind-rules.ts";

const at = rootPath.child("metadata");

/** Puts the object into the namespace of the request. Throws 400 when it names another one. */
export function placeInNamespace(request: ObjectRequest, metadata: Draft<ObjectMeta>): void {
  const { definition, namespace } = request;
  if (!definition.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (metadata.namespace && metadata.namespace !== namespace)
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  metadata.namespace = namespace;
}

/** Sets what only the server says of a new object, and clears what a client may not. */
export function fillNewMetadata(request: ObjectRequest, metadata: Draft<ObjectMeta>): void {
  const { clock, random } = request.context;
  metadata.uid = uuid(random);
  metadata.creationTimestamp = timestamp(clock.now());
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  if (request.definition.hasGeneration) metadata.generation = 1;
  else delete metadata.generation;
}

/**
 * Drops owner references that stand twice, and tells the client. Admission may add such, and so may a patch: those of
 * patches are taken for those of admission.
 */
export function dropRepeatedOwners(request: ObjectRequest, metadata: Draft<ObjectMeta>, isAdmitted = false): void {
  const references = metadata.ownerReferences;
  if (!references || references.length < 2) return;
  const known = new Set<string>();
  const isRepeated = references.map((each) => known.size === known.add(identityOf(each)).size);
  const repeated = references.filter((_, index) => isRepeated[index]);
  if (repeated.length === 0) return;
  metadata.ownerReferences = references.filter((_, index) => !isRepeated[index]);
  const uids = [...new Set(repeated.map(({ uid }) => uid))].join(", ");
  const when = isAdmitted || request.patchType !== undefined ? " after mutating admission happens" : "";
  warn(
    request,
    `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${uids}`,
  );
}

/** The same text for references that say the same: a body has room for 200,000, too many to compare each with each. */
function identityOf(reference: object): string {
  return JSON.stringify(Object.entries(reference).sort());
}

export function validateNewMetadata(definition: ResourceDefinition, object: KubeObject): readonly FieldError[] {
  return validateObjectMeta(at, object.metadata, rulesOf(definition));
}

/** Carries over what an update cannot change, where the client left it out or it is not the client's to say. */
export function keepOldMetadata(metadata: Draft<ObjectMeta>, old: ObjectMeta): void {
  if (!metadata.uid) metadata.uid = old.uid;
  metadata.resourceVersion = old.resourceVersion;
  metadata.creationTimestamp = old.creationTimestamp;
  // Only a delete sets these, and nothing takes them away.
  keep(metadata, old, "deletionTimestamp");
  keep(metadata, old, "deletionGracePeriodSeconds");
  keep(metadata, old, "generation");
  delete metadata.selfLink;
}

function keep<Field extends "deletionTimestamp" | "deletionGracePeriodSeconds" | "generation">(
  metadata: Draft<ObjectMeta>,
  old: ObjectMeta,
  field: Field,
): void {
  const value = old[field];
  if (value === undefined) delete metadata[field];
  else metadata[field] = value as Draft<ObjectMeta>[Field]; // numbers and strings are their own drafts
}

export function validateUpdatedMetadata(
  definition: ResourceDefinition,
  next: KubeObject,
  old: KubeObject,
): readonly FieldError[] {
  const errors = validateObjectMeta(at, next.metadata, rulesOf(definition));
  const reported = new Set(errors.map((each) => `${each.field} ${each.detail}`));
  // Both check labels and the like; each finding is told once.
  const updates = validateObjectMetaUpdate(at, next.metadata, old.metadata);
  return [...errors, ...updates.filter((each) => !reported.has(`${each.field} ${each.detail}`))];
}

/** Groups whose servers are other programs upstream, which know no standard finalizers. */
const servedApart = new Set(["apiextensions.k8s.io", "apiregistration.k8s.io"]);

function rulesOf(definition: ResourceDefinition) {
  return {
    namespaced: definition.namespaced,
    validateName: definition.validateName ?? nameIsDnsSubdomain,
    customResource: !isBuiltIn(definition) || servedApart.has(definition.group),
  };
}
