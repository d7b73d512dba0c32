import {
  alreadyExists,
  badRequest,
  type FieldError,
  generatedNameTaken,
  invalid,
  type KubeObject,
  newStatus,
  type ObjectMeta,
  required,
  rootPath,
  tooLong,
} from "../../api/index.ts";
import { type Draft, exceedsBytes, nameSuffix } from "../../lib/index.ts";
import { type Change, keyBytesMax, type StoredObject } from "../../storage/index.ts";
import { admissionRequest, admit, validateAdmission } from "./admission-chain.ts";
import { commitmentOf, untilUndisturbed, writeFitting } from "./commit.ts";
import { type ObjectRequest, warn } from "./context.ts";
import { decodeBody } from "./decode.ts";
import { recordOwnership } from "./field-ownership.ts";
import { wholeForm } from "./form.ts";
import { keepsStatusOnCreate } from "./kind-rules.ts";
import { dropRepeatedOwners, fillNewMetadata, placeInNamespace, validateNewMetadata } from "./metadata.ts";

/** How often another name is generated when one is taken; that Kubernetes tries so often since 1.30 is documented. */
const generatedNamesMax = 8;
/** Longest prefix that leaves room for the suffix in a name of 63. */
const generateNamePrefixMax = 58;

/** Creates the object and gives it as it is stored (dryRun: as it would be). `object` is changed. */
export async function createObject(request: ObjectRequest, object: Draft<KubeObject>): Promise<StoredObject> {
  placeInNamespace(request, object.metadata);
  dropRepeatedOwners(request, object.metadata);
  dropStatus(request, object);
  // An apply has said who owns what.
  if (request.patchType !== "application/apply-patch+yaml")
    recordOwnership(request, wholeForm(request.definition), object, undefined);
  const admission = admissionRequest(request, "CREATE", object, undefined);
  await admit(request, admission);
  const { metadata } = object;
  dropRepeatedOwners(request, metadata, true);
  if (request.definition.namespaced && metadata.namespace !== request.namespace)
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  if (!metadata.name && !metadata.generateName)
    throw invalid(request.definition, "", [
      required(rootPath.child("metadata", "name"), "name or generateName is required"),
    ]);
  fillNewMetadata(request, metadata);
  const generated = !metadata.name;
  if (generated) generateName(request, metadata);
  prepare(request, object);
  const { verifyCreate } = request.definition;
  // Most kinds have nothing to wait for.
  validate(request, object, verifyCreate ? await verifyCreate(object as KubeObject, rootPath) : []);
  for (let tries = 1; ; tries++) {
    await validateAdmission(request, { ...admission, name: metadata.name });
    refuseVersion(request, metadata);
    try {
      return await commitNew(request, object);
    } catch (error) {
      if (!(error instanceof NameTaken)) throw error;
      if (!generated) throw alreadyExists(request.definition, metadata.name);
      if (tries === generatedNamesMax) throw generatedNameTaken(request.definition, metadata.name);
      generateName(request, metadata);
    }
  }
}

/**
 * The creation of an object that the program itself brings. Nobody is asked and nothing is checked: it is a constant, and
 * a test holds that it becomes what its creation through the whole pipeline makes of it.
 */
export async function seedChange(request: ObjectRequest): Promise<Change> {
  const { definition, store, namespace } = request;
  const object = decodeBody(request, definition);
  const { metadata } = object;
  placeInNamespace(request, metadata);
  dropStatus(request, object);
  recordOwnership(request, wholeForm(definition), object, undefined);
  fillNewMetadata(request, metadata);
  prepare(request, object);
  return { key: store.key(namespace, metadata.name), expect: 0, value: await store.value(object) };
}

/** What is no number or 0 is no version, as in Kubernetes, where the storage looks at it, so last and not in a dry run. */
function refuseVersion({ dryRun }: ObjectRequest, { resourceVersion = "" }: ObjectMeta): void {
  if (!dryRun && /^0*[1-9]\d*$/.test(resourceVersion))
    throw badRequest("resourceVersion should not be set on objects to be created");
}

class NameTaken extends Error {}

function dropStatus({ definition }: ObjectRequest, object: Draft<KubeObject>): void {
  if (keepsStatusOnCreate(definition)) return;
  const fields = object as unknown as Record<string, unknown>; // status fields are named by the definition
  for (const field of definition.statusFields) delete fields[field];
  const status = definition.statusFields.includes("status") ? newStatus(definition) : undefined;
  if (status) fields.status = status;
}

function generateName({ context }: ObjectRequest, metadata: Draft<ObjectMeta>): void {
  metadata.name = metadata.generateName!.slice(0, generateNamePrefixMax) + nameSuffix(context.random);
}

function prepare({ definition, context, user }: ObjectRequest, object: Draft<KubeObject>): void {
  definition.prepareForCreate?.(object, { nowMs: context.clock.now(), user });
}

function validate(request: ObjectRequest, object: Draft<KubeObject>, verified: readonly FieldError[]): void {
  const { definition } = request;
  const errors = [
    ...validateNewMetadata(definition, object as KubeObject),
    ...validateKey(request, object.metadata.name),
    ...verified,
    ...(definition.validate?.(object as KubeObject, rootPath) ?? []),
    ...(definition.validateCreate?.(object as KubeObject, rootPath) ?? []),
  ];
  if (errors.length > 0) throw invalid(definition, object.metadata.name, errors);
  for (const sentence of definition.warnings?.(object as KubeObject, undefined) ?? []) warn(request, sentence);
}

/** Some kinds take names of any length, and the storage does not. */
function validateKey({ store, namespace }: ObjectRequest, name: string): FieldError[] {
  const key = store.key(namespace, name);
  if (!exceedsBytes(keyBytesMax, key)) return [];
  return [tooLong(rootPath.child("metadata", "name"), keyBytesMax - (key.length - name.length))];
}

function commitNew(request: ObjectRequest, object: Draft<KubeObject>): Promise<StoredObject> {
  const { store, namespace, dryRun, context } = request;
  const key = store.key(namespace, object.metadata.name);
  return untilUndisturbed(request, async () => {
    if (store.cache.get(key)) throw new NameTaken();
    const { object: complete = object, changes } = commitmentOf(request, object, undefined);
    return writeFitting(request, complete, async (fitting) => {
      const value = await store.value(fitting);
      if (dryRun) return store.proposed(key, undefined, value);
      const revision = await context.storage.commit([...changes, { key, expect: 0, value }]);
      await context.cache.waitFor(revision);
      return store.written(key, undefined, revision, value);
    });
  });
}
