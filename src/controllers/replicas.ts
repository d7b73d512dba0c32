// Keeping a number of pods: what ReplicaSets and ReplicationControllers have in common, which is everything but names.
import {
  controllerOf,
  isPodActive,
  isPodAvailable,
  isPodReady,
  isPodTerminating,
  type KubeObject,
  type Pod,
  Pods,
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
import { errorMessage, timestamp } from "../lib/index.ts";
import { claimObjects, orphanIndex } from "./claim.ts";
import { createPod, deletePod, inGrowingBatches, nextAvailability, podFromTemplate } from "./pod-control.ts";
import { podsToDelete } from "./pod-deletion-order.ts";
import { candidatesFor, selectorIndex } from "./selection.ts";
import { sameStatus } from "./status-equality.ts";

type ReplicaOwner = ReplicaSet | ReplicationController;

export interface ReplicaKind<T extends ReplicaOwner> {
  /** Of the controller. */
  readonly name: string;
  readonly resource: ResourceReference<T>;
  /** Whether the owner's selector matches these labels. */
  readonly selects: (owner: T, labels: Readonly<Record<string, string>> | undefined) => boolean;
  /** The labels that the owner's selector asks for, or some of them. */
  readonly asksFor: (owner: T) => Readonly<Record<string, string>> | undefined;
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
    indexes: [orphanIndex(Pods), selectorIndex(kind.resource, kind.asksFor)],
    async reconcile(context, key) {
      const owner = context.cache.get(kind.resource, key);
      if (owner) return await reconcileReplicas(context, kind, owner);
    },
  });
}

function* ownersOfOrphan<T extends ReplicaOwner>(kind: ReplicaKind<T>, pod: Pod, cache: Cache): Iterable<string> {
  if (controllerOf(pod)) return;
  for (const owner of candidatesFor(cache, kind.resource, pod)) {
    if (kind.selects(owner, pod.metadata.labels)) yield keyOf(owner);
  }
}

async function reconcileReplicas<T extends ReplicaOwner>(context: ReconcileContext, kind: ReplicaKind<T>, owner: T) {
  const { cache, clock } = context;
  const matches = (pod: Pod) => kind.selects(owner, pod.metadata.labels);
  const terminating = kind.countsTerminating
    ? cache.ownedBy(Pods, owner).filter((pod) => isPodTerminating(pod) && matches(pod)).length
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

/** Creates in growing batches, so that a template that is refused costs one request and not hundreds. */
async function createPods<T extends ReplicaOwner>(
  context: ReconcileContext,
  kind: ReplicaKind<T>,
  owner: T,
  count: number,
): Promise<ReplicaFailure | undefined> {
  const { template } = owner.spec;
  if (!template) return undefined;
  const pod = podFromTemplate(owner, kind.resource, template);
  const failed = await inGrowingBatches(Array.from({ length: count }), () => createPod(context, owner, pod));
  return failed && { reason: "FailedCreate", error: failed.error };
}

async function deletePods(
  context: ReconcileContext,
  owner: KubeObject,
  pods: readonly Pod[],
): Promise<ReplicaFailure | undefined> {
  const results = await Promise.allSettled(pods.map((pod) => deletePod(context, owner, pod)));
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
    const message = `${reason === "FailedDelete" ? "unable to delete pods: " : ""}${errorMessage(error)}`;
    conditions.push(known ?? { type: "ReplicaFailure", status: "True", reason, message, lastTransitionTime });
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
  if (sameStatus(owner.status, status)) return;
  await client.update(resource, { ...owner, status }, { subresource: "status" });
}
