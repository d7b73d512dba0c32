import {
  conflict,
  type DeleteOptions,
  foregroundFinalizer,
  type KubeObject,
  type Namespace,
  notFound,
  type ObjectMeta,
  orphanFinalizer,
  parseTime,
} from "../../api/index.ts";
import { deepCopy, type Int64, timestamp } from "../../lib/index.ts";
import type { StoredObject } from "../../storage/index.ts";
import { admissionRequest, admit, validateAdmission } from "./admission-chain.ts";
import { commitmentOf, untilUndisturbed } from "./commit.ts";
import { type ObjectRequest, warn } from "./context.ts";
import { type Propagation, propagationOf } from "./delete-options.ts";
import {
  collectsDependents,
  graceSeconds,
  isJob,
  isNamespace,
  jobOrphansWarning,
  orphansByDefault,
} from "./kind-rules.ts";

export interface Deletion {
  /** The object as it was last, or as it is now while it is going. */
  readonly stored: StoredObject;
  /** Whether it is gone already. */
  readonly gone: boolean;
}

/** Deletes the object, or marks it as being deleted where a grace period or finalizers keep it. */
export async function deleteObject(request: ObjectRequest, options: DeleteOptions): Promise<Deletion> {
  const { store, definition, namespace, name } = request;
  if (isJob(definition) && propagationOf(options) === undefined) warn(request, jobOrphansWarning);
  return untilUndisturbed(request, async () => {
    const current = await store.read(namespace, name);
    if (!current) throw notFound(definition, name);
    checkPreconditions(request, options, current.object.metadata);
    const deleteOptions = { ...options, kind: "DeleteOptions", apiVersion: "meta.k8s.io/v1" };
    const admission = admissionRequest(request, "DELETE", undefined, current.object, { options: deleteOptions });
    await admit(request, admission);
    await validateAdmission(request, admission);
    return attempt(request, options, current);
  });
}

/** Throws ApiError 409 when the object is not the one that the client means. */
export function checkPreconditions({ definition }: ObjectRequest, options: DeleteOptions, metadata: ObjectMeta): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  if (uid !== undefined && uid !== metadata.uid)
    throw conflict(
      definition,
      metadata.name,
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    throw conflict(
      definition,
      metadata.name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
}

async function attempt(request: ObjectRequest, options: DeleteOptions, current: StoredObject): Promise<Deletion> {
  const plan = planDeletion(request, options, current.object);
  if (plan === "remove") return { stored: await remove(request, current), gone: true };
  if (plan === undefined) return { stored: current, gone: false };
  return { stored: await write(request, plan, current), gone: false };
}

/** What a delete does to an object: remove it, nothing (it is going already), or write this. */
function planDeletion(
  request: ObjectRequest,
  options: DeleteOptions,
  current: KubeObject,
): "remove" | KubeObject | undefined {
  const { definition } = request;
  const object = isDeleting(current.metadata) ? current : preparedForDelete(request, current);
  const { metadata } = object;
  const asked = askedSeconds(options);
  const finalizers = isGracePending(request, metadata, asked)
    ? (metadata.finalizers ?? [])
    : finalizersOf(request, propagationOf(options), metadata);
  const marks = isDeleting(metadata) ? shortenedGrace(metadata, asked) : firstMarks(request, object, asked);
  const ownFinalizers = isNamespace(definition, object) ? (object.spec?.finalizers ?? []) : [];
  const held = finalizers.length > 0 || ownFinalizers.length > 0;
  if (!held && (marks.deletionGracePeriodSeconds ?? 0) === 0) return "remove";
  const { finalizers: _, ...rest } = metadata;
  const next = { ...object, metadata: { ...rest, ...marks, ...(finalizers.length > 0 ? { finalizers } : {}) } };
  if (isNamespace(definition, object)) Object.assign(next, { status: terminating(object) });
  if (isDeleting(metadata) && sameMarks(next.metadata, metadata)) return undefined;
  return next;
}

function preparedForDelete({ definition, context, user }: ObjectRequest, object: KubeObject): KubeObject {
  if (!definition.prepareForDelete) return object;
  const draft = deepCopy(object);
  definition.prepareForDelete(draft, { nowMs: context.clock.now(), user });
  return draft as KubeObject;
}

type Marks = Pick<ObjectMeta, "deletionTimestamp" | "deletionGracePeriodSeconds" | "generation">;

/** A longer period, of which there is no end to tell, counts as this: 292 years, the longest that Go's durations tell. */
const graceMsMax = 2 ** 63 / 1e6;

const msOf = (seconds: Int64) => Math.min(Number(seconds) * 1000, graceMsMax);

const isDeleting = (metadata: ObjectMeta) => metadata.deletionTimestamp !== undefined;

function firstMarks({ definition, context }: ObjectRequest, object: KubeObject, asked: Int64 | undefined): Marks {
  const nowMs = context.clock.now();
  // In Kubernetes too these are marked by their own storage, which gives them no grace period.
  if (definition.prepareForDelete || isNamespace(definition, object)) return { deletionTimestamp: timestamp(nowMs) };
  const { generation } = object.metadata;
  const seconds = graceSeconds(definition, object, asked);
  return {
    deletionTimestamp: timestamp(nowMs + msOf(seconds)),
    deletionGracePeriodSeconds: seconds,
    ...(generation ? { generation: Number(generation) + 1 } : {}),
  };
}

const askedSeconds = ({ gracePeriodSeconds: asked }: DeleteOptions) => (asked !== undefined && asked < 0 ? 1 : asked);

/** Whether a grace period goes on as it is: what the delete says of the dependents comes too late then. */
function isGracePending({ definition }: ObjectRequest, metadata: ObjectMeta, asked: Int64 | undefined): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds: left } = metadata;
  if (!definition.defaultGraceSeconds || deletionTimestamp === undefined || left === undefined) return false;
  return asked === undefined || asked >= left;
}

/** A grace period that runs can only be made shorter. */
function shortenedGrace(metadata: ObjectMeta, asked: Int64 | undefined): Marks {
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return {};
  if (asked === undefined || asked >= deletionGracePeriodSeconds) return { deletionGracePeriodSeconds };
  const startMs = parseTime(deletionTimestamp) - msOf(deletionGracePeriodSeconds);
  return { deletionTimestamp: timestamp(startMs + msOf(asked)), deletionGracePeriodSeconds: asked };
}

function sameMarks(a: ObjectMeta, b: ObjectMeta): boolean {
  return (
    a.deletionTimestamp === b.deletionTimestamp &&
    a.deletionGracePeriodSeconds === b.deletionGracePeriodSeconds &&
    String(a.finalizers ?? []) === String(b.finalizers ?? [])
  );
}

function terminating(namespace: Namespace): Namespace["status"] {
  return { ...namespace.status, phase: "Terminating" };
}

/** The finalizers that the garbage collector acts on are set as the propagation policy says. */
function finalizersOf(
  { definition }: ObjectRequest,
  propagation: Propagation | undefined,
  { finalizers = [] }: ObjectMeta,
): readonly string[] {
  if (!collectsDependents(definition)) return finalizers;
  const policy = propagation ?? inheritedPolicy(finalizers) ?? (orphansByDefault(definition) ? "Orphan" : "Background");
  const kept = finalizers.filter((each) => each !== orphanFinalizer && each !== foregroundFinalizer);
  if (policy === "Orphan") return [...kept, orphanFinalizer];
  if (policy === "Foreground") return [...kept, foregroundFinalizer];
  return kept;
}

function inheritedPolicy(finalizers: readonly string[]): Propagation | undefined {
  if (finalizers.includes(orphanFinalizer)) return "Orphan";
  return finalizers.includes(foregroundFinalizer) ? "Foreground" : undefined;
}

async function remove(request: ObjectRequest, current: StoredObject): Promise<StoredObject> {
  const { store, context, dryRun } = request;
  const { changes } = commitmentOf(request, undefined, current.object);
  if (dryRun) return current;
  const { key } = current;
  const revision = await context.storage.commit([...changes, { key, expect: current.revision }]);
  await context.cache.waitFor(revision);
  return store.last(current, revision);
}

async function write(request: ObjectRequest, next: KubeObject, current: StoredObject): Promise<StoredObject> {
  const { store, context, dryRun } = request;
  const { key } = current;
  const value = await store.value(next);
  if (dryRun) return store.proposed(key, current, value);
  const revision = await context.storage.commit([{ key, expect: current.revision, value }]);
  await context.cache.waitFor(revision);
  return store.written(key, current.createRevision, revision, value);
}
