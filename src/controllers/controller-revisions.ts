// The history of a pod template, kept as ControllerRevisions: what StatefulSets and DaemonSets can be rolled back to.
// pkg/controller/history and pkg/controller/daemon/update.go.
import {
  ApiError,
  apiVersionOf,
  type ControllerRevision,
  ControllerRevisions,
  controllerOf,
  isControlledBy,
  type KubeObject,
  type LabelSelector,
  matchesLabelSelector,
  type NewObject,
  newControllerReference,
  type PodTemplateSpec,
  podTemplateHash,
  type ResourceReference,
} from "../api/index.ts";
import { also, type Cache, type Key, keyOf, type ReconcileContext, type WatchAlso } from "../client/index.ts";
import { deepEqual } from "../lib/index.ts";
import { claimObjects, orphanIndex } from "./claim.ts";
import { deleteSame } from "./deletion.ts";
import { isNamespaceTerminating } from "./pod-control.ts";

/** On pods and on the revisions of DaemonSets. */
export const revisionLabel = "controller-revision-hash";
/** To be among the indexes of who claims revisions. */
export const revisionIndex = orphanIndex(ControllerRevisions);
/** Longer names of owners are cut, so that a name with its hash is no longer than 253. */
const prefixLengthMax = 223;

/** What has a history. */
export interface TemplateOwner extends KubeObject {
  readonly spec: { readonly selector: LabelSelector; readonly template: PodTemplateSpec };
  readonly status: { readonly collisionCount?: number };
}

export interface History {
  /** The newest revision of the present template. */
  readonly present: ControllerRevision;
  /** Other revisions of the present template. */
  readonly duplicates: readonly ControllerRevision[];
  /** The revisions of other templates, the oldest first. */
  readonly old: readonly ControllerRevision[];
}

interface HistoryPlan extends Omit<History, "present"> {
  /** Undefined when it is to be created. */
  readonly present: ControllerRevision | undefined;
  /** The number that the present template is to have. */
  readonly number: number;
}

/**
 * A strategic merge patch that brings the template back; `kubectl rollout undo` sends it as it is. Its keys are in the
 * order in which Go writes a map's: kubectl and Kubernetes' own tests compare the bytes with those that they make
 * themselves, to see which revision is the present one.
 */
function revisionData(template: PodTemplateSpec): unknown {
  return withSortedKeys({ spec: { template: { ...template, $patch: "replace" } } });
}

function withSortedKeys(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withSortedKeys);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, withSortedKeys(each)]));
}

/** The template that a revision keeps; undefined when it keeps none, being somebody else's. */
export function templateOf({ data }: ControllerRevision): PodTemplateSpec | undefined {
  // A revision's data may be any JSON: nothing is believed of it but what is looked at here.
  const { spec } = (data ?? {}) as { spec?: { template?: PodTemplateSpec & { $patch?: string } } };
  if (!spec?.template?.spec) return undefined;
  const { $patch: _replace, ...template } = spec.template;
  return template;
}

/** Where the present template stands among the revisions; one that comes back gets a new number. */
function planHistory(owner: TemplateOwner, revisions: readonly ControllerRevision[]): HistoryPlan {
  const data = revisionData(owner.spec.template);
  const sorted = [...revisions].sort(compareRevisions);
  const same = sorted.filter((revision) => deepEqual(revision.data, data));
  const old = sorted.filter((revision) => !same.includes(revision));
  const present = same.at(-1);
  const next = Number(old.at(-1)?.revision ?? 0) + 1;
  return {
    present,
    number: Math.max(Number(present?.revision ?? 0), next),
    duplicates: same.slice(0, -1),
    old,
  };
}

function compareRevisions(a: ControllerRevision, b: ControllerRevision): number {
  const age = Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);
  return Number(a.revision) - Number(b.revision) || age || (a.metadata.name < b.metadata.name ? -1 : 1);
}

/**
 * The history of `owner`, after adopting and releasing what there is to adopt and release; `hashLabel` carries the hash of
 * a revision's template. Undefined when the next reconcile must look again.
 */
export async function historyOf<T extends TemplateOwner>(
  context: ReconcileContext,
  owner: T,
  ownerResource: ResourceReference<T>,
  hashLabel: string,
): Promise<History | undefined> {
  const revisions = await claimObjects(context, {
    owner,
    ownerResource,
    resource: ControllerRevisions,
    matches: ({ metadata }) => matchesLabelSelector(owner.spec.selector, metadata.labels),
  });
  const plan = planHistory(owner, revisions);
  const present = await presentRevision(context, owner, ownerResource, plan, hashLabel);
  return present && { present, duplicates: plan.duplicates, old: plan.old };
}

/** The revision of the present template, created or renumbered where need be. */
async function presentRevision<T extends TemplateOwner>(
  context: ReconcileContext,
  owner: T,
  ownerResource: ResourceReference<T>,
  { present, number }: HistoryPlan,
  hashLabel: string,
): Promise<ControllerRevision | undefined> {
  const { client } = context;
  if (present?.revision === number) return present;
  if (present) return await client.update(ControllerRevisions, { ...present, revision: number });
  const { metadata, spec, status } = owner;
  const { template } = spec;
  // Zero is what is reported before the first collision: it must not give another name.
  const hash = podTemplateHash(template, status.collisionCount || undefined);
  const revision: NewObject<ControllerRevision> = {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${metadata.name.slice(0, prefixLengthMax)}-${hash}`,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
      ownerReferences: [newControllerReference(owner, ownerResource)],
    },
    data: revisionData(template),
    revision: number,
  };
  try {
    return await client.create(ControllerRevisions, revision);
  } catch (error) {
    if (isNamespaceTerminating(error)) return undefined;
    if (error instanceof ApiError && error.code === 409) {
      return await settleCollision(context, owner, ownerResource, revision);
    }
    throw error;
  }
}

/** The name is taken: by this very revision, which the cache has not seen yet, or by another with the same hash. */
async function settleCollision<T extends TemplateOwner>(
  { client, log }: ReconcileContext,
  owner: T,
  ownerResource: ResourceReference<T>,
  { metadata, data }: NewObject<ControllerRevision>,
): Promise<ControllerRevision | undefined> {
  const { name = "", namespace } = metadata;
  const taken = await client.get(ControllerRevisions, { name, ...(namespace === undefined ? {} : { namespace }) });
  if (isControlledBy(taken, owner) && deepEqual(taken.data, data)) return taken;
  const collisionCount = (owner.status.collisionCount ?? 0) + 1;
  log.info("another template has the same hash", { owner: keyOf(owner), revision: name, collisionCount });
  // Seeing its own status change, the controller plans again with the new count.
  const status = { ...owner.status, collisionCount };
  await client.update(ownerResource, { ...owner, status }, { subresource: "status" });
  return undefined;
}

/** Deletes the oldest of `dead`, of which there are `surplus` too many. */
export async function forgetRevisions(
  { client }: Pick<ReconcileContext, "client">,
  dead: readonly ControllerRevision[],
  surplus: number,
): Promise<void> {
  for (const revision of dead.slice(0, Math.max(0, surplus))) await deleteSame(client, ControllerRevisions, revision);
}

/**
 * Wakes the owner of a revision that changed or went, and who could adopt one without an owner. One that is new wakes
 * nobody: its owner made it, and a copy that a user makes is left alone until the owner has another reason to look, as
 * conformance expects.
 */
export function watchRevisions<T extends TemplateOwner>(resource: ResourceReference<T>): WatchAlso<ControllerRevision> {
  const isOwnKind = ({ kind, apiVersion }: { kind: string; apiVersion: string }) =>
    kind === resource.kind && apiVersion === apiVersionOf(resource);
  return also(ControllerRevisions, function* (revision, cache: Cache, old): Iterable<Key> {
    const { namespace } = revision.metadata;
    const isNew = old === undefined && cache.get(ControllerRevisions, keyOf(revision)) !== undefined;
    const controller = controllerOf(revision);
    for (const owner of [controller, old && controllerOf(old)]) {
      if (owner && isOwnKind(owner) && !isNew) yield `${namespace}/${owner.name}`;
    }
    if (controller) return;
    for (const owner of cache.list(resource, namespace)) {
      if (matchesLabelSelector(owner.spec.selector, revision.metadata.labels)) yield keyOf(owner);
    }
  });
}
