// Keeping a number of pods: what ReplicaSets and ReplicationControllers have in common, which is everything but names.
import {
  ApiError,
  controllerOf,
  isPodActive,
  isPodAvailable,
  isPodReady,
  isPodTerminal,
  type KubeObject,
  type NewObject,
  newControllerReference,
  type Pod,
  Pods,
  type PodTemplateSpec,
  podCondition,
  type ReplicaSet,
  type ReplicaSetStatus,
  type ReplicationController,
  type ResourceReference,
} from "../api/index.ts";
import {
  also,
  type Cache,
  type ControllerDefinition,
  defineController,
  keyOf,
  type ReconcileContext,
} from "../client/index.ts";
import { deepEqual, errorMessage, timestamp } from "../lib/index.ts";
import { claimObjects, orphanIndex } from "./claim.ts";
import { podsToDelete } from "./pod-deletion-order.ts";

type ReplicaOwner = ReplicaSet | ReplicationController;

export interface ReplicaKind<T extends ReplicaOwner> {
  /** Of the controller. */
  readonly name: string;
  readonly resource: ResourceReference<T>;
  /** Whether the owner's selector matches these labels. */
  readonly selects: (owner: T, labels: Readonly<Record<string, string>> | undefined) => boolean;
  /** Whether status.terminatingReplicas is kept. */
  readonly countsTerminating: boolean;
  /** The owners whose pods count as neighbours when pods are deleted; the owner is among them. */
  readonly family: (owner: T, cache: Cache) => readonly KubeObject[];
}

/** Pods created or deleted in one reconcile at most; the next one goes on. */
const burst = 500;

/** The controller that keeps spec.replicas pods for each object of a kind. */
export function replicaController<T extends ReplicaOwner>(kind: ReplicaKind<T>): ControllerDefinition {
  return defineController({
    name: kind.name,
    watches: {
      for: kind.resource,
      owns: [Pods],
      also: [also(Pods, (pod, cache) => ownersOfOrphan(kind, pod, cache))],
    },
    indexes: [orphanIndex(Pods)],
    async reconcile(context, key) {
      const owner = context.cache.get(kind.resource, key);
      if (owner) return await reconcileReplicas(context, kind, owner);
    },
  });
}

function* ownersOfOrphan<T extends ReplicaOwner>(kind: ReplicaKind<T>, pod: Pod, cache: Cache): Iterable<string> {
  if (controllerOf(pod)) return;
  for (const owner of cache.list(kind.resource, pod.metadata.namespace)) {
    if (kind.selects(owner, pod.metadata.labels)) yield keyOf(owner);
  }
}

async function reconcileReplicas<T extends ReplicaOwner>(context: ReconcileContext, kind: ReplicaKind<T>, owner: T) {
  const { cache, clock } = context;
  const matches = (pod: Pod) => kind.selects(owner, pod.metadata.labels);
  const terminating = kind.countsTerminating
    ? cache.ownedBy(Pods, owner).filter((pod) => isTerminating(pod) && matches(pod)).length
    : undefined;
  const pods = await claimObjects(context, {
    owner,
    ownerResource: kind.resource,
    resource: Pods,
    matches,
    considers: isPodActive,
  });
  const failure = owner.metadata.deletionTimestamp === undefined ? await adjust(context, kind, owner, pods) : undefined;
  const status = replicaStatus(owner, pods, terminating, failure, clock.now());
  await writeStatus(context, kind, owner, status);
  if (failure) throw failure.error;
  if (Math.abs(wantedReplicas(owner) - pods.length) > burst) return { afterMs: 0 };
  return nextAvailability(pods, owner.spec.minReadySeconds ?? 0, clock.now());
}

function wantedReplicas({ spec }: ReplicaOwner): number {
  return spec.replicas ?? 1;
}

function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined && !isPodTerminal(pod);
}

/** What went wrong while pods were created or deleted. */
export interface ReplicaFailure {
  readonly reason: "FailedCreate" | "FailedDelete";
  readonly error: unknown;
}

async function adjust<T extends ReplicaOwner>(
  context: ReconcileContext,
  kind: ReplicaKind<T>,
  owner: T,
  pods: readonly Pod[],
): Promise<ReplicaFailure | undefined> {
  const missing = wantedReplicas(owner) - pods.length;
  if (missing > 0) return await createPods(context, kind, owner, Math.min(missing, burst));
  if (missing === 0) return undefined;
  const { cache, clock } = context;
  const family = kind.family(owner, cache).flatMap((each) => cache.ownedBy(Pods, each).filter(isPodActive));
  const surplus = podsToDelete(pods, Math.min(-missing, burst), family, clock.now());
  return await deletePods(context, owner, surplus);
}

/** Creates in batches that double, so that a template that is refused costs one request and not hundreds. */
async function createPods<T extends ReplicaOwner>(
  context: ReconcileContext,
  kind: ReplicaKind<T>,
  owner: T,
  count: number,
): Promise<ReplicaFailure | undefined> {
  const { template } = owner.spec;
  if (!template) return undefined;
  const pod = podFromTemplate(owner, kind.resource, template);
  for (let created = 0, batch = 1; created < count; created += batch, batch *= 2) {
    const size = Math.min(batch, count - created);
    const results = await Promise.allSettled(Array.from({ length: size }, () => createPod(context, owner, pod)));
    for (const result of results) {
      if (result.status === "rejected") return { reason: "FailedCreate", error: result.reason };
    }
  }
  return undefined;
}

function podFromTemplate(owner: KubeObject, resource: ResourceReference, template: PodTemplateSpec): NewObject<Pod> {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const { name, namespace } = owner.metadata;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: `${name}-`,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [newControllerReference(owner, resource)],
    },
    ...(template.spec === undefined ? {} : { spec: template.spec }),
  };
}

async function createPod({ client, events }: ReconcileContext, owner: KubeObject, pod: NewObject<Pod>): Promise<void> {
  try {
    const { metadata } = await client.create(Pods, pod);
    events.normal(owner, "SuccessfulCreate", `Created pod: ${metadata.name}`);
  } catch (error) {
    // The namespace is going, and the owner with it: there is nothing to report or to repeat.
    if (isNamespaceTerminating(error)) return;
    events.warning(owner, "FailedCreate", `Error creating: ${errorMessage(error)}`);
    throw error;
  }
}

/** Whether a create was refused because its namespace is being deleted. */
export function isNamespaceTerminating(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating") ?? false;
}

async function deletePods(
  { client, events }: ReconcileContext,
  owner: KubeObject,
  pods: readonly Pod[],
): Promise<ReplicaFailure | undefined> {
  const results = await Promise.allSettled(
    pods.map(async ({ metadata }) => {
      try {
        await client.delete(Pods, metadata, { body: { preconditions: { uid: metadata.uid } } });
        events.normal(owner, "SuccessfulDelete", `Deleted pod: ${metadata.name}`);
      } catch (error) {
        // Somebody else was faster, or the name belongs to another pod by now: either way this one is gone.
        if (error instanceof ApiError && (error.code === 404 || error.code === 409)) return;
        events.warning(owner, "FailedDelete", `Error deleting: ${errorMessage(error)}`);
        throw error;
      }
    }),
  );
  const failed = results.find((result) => result.status === "rejected");
  return failed && { reason: "FailedDelete", error: failed.reason };
}

/** What the pods say, with the condition ReplicaFailure while pods cannot be created or deleted. */
function replicaStatus(
  owner: ReplicaOwner,
  pods: readonly Pod[],
  terminating: number | undefined,
  failure: ReplicaFailure | undefined,
  nowMs: number,
): ReplicaSetStatus {
  const templateLabels = Object.entries(owner.spec.template?.metadata?.labels ?? {});
  const minReadySeconds = owner.spec.minReadySeconds ?? 0;
  const conditions = (owner.status.conditions ?? []).filter(({ type }) => type !== "ReplicaFailure");
  const known = owner.status.conditions?.find(({ type }) => type === "ReplicaFailure");
  if (failure) {
    const { reason, error } = failure;
    const lastTransitionTime = timestamp(nowMs);
    conditions.push(
      known ?? { type: "ReplicaFailure", status: "True", reason, message: errorMessage(error), lastTransitionTime },
    );
  }
  const generation = owner.metadata.generation;
  return {
    replicas: pods.length,
    fullyLabeledReplicas: pods.filter(({ metadata }) =>
      templateLabels.every(([key, value]) => metadata.labels?.[key] === value),
    ).length,
    readyReplicas: pods.filter(isPodReady).length,
    availableReplicas: pods.filter((pod) => isPodAvailable(pod, minReadySeconds, nowMs)).length,
    ...(terminating === undefined ? {} : { terminatingReplicas: terminating }),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

async function writeStatus<T extends ReplicaOwner>(
  { client }: ReconcileContext,
  { resource }: ReplicaKind<T>,
  owner: T,
  status: ReplicaSetStatus,
): Promise<void> {
  if (deepEqual(withoutZeros(owner.status), withoutZeros(status))) return;
  await client.update(resource, { ...owner, status }, { subresource: "status" });
}

/** The counts that the API leaves out when they are zero must not look like changes. */
function withoutZeros(status: object): object {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== 0));
}

/** When the next ready pod will have been ready for long enough to count as available. */
function nextAvailability(pods: readonly Pod[], minReadySeconds: number, nowMs: number) {
  let nextMs = Number.POSITIVE_INFINITY;
  for (const pod of pods) {
    if (!isPodReady(pod) || isPodAvailable(pod, minReadySeconds, nowMs)) continue;
    const readySinceMs = Date.parse(podCondition(pod, "Ready")?.lastTransitionTime ?? "");
    if (!Number.isNaN(readySinceMs)) nextMs = Math.min(nextMs, readySinceMs + minReadySeconds * 1000);
  }
  return Number.isFinite(nextMs) ? { afterMs: Math.max(1, nextMs - nowMs) } : undefined;
}
