import {
  ApiError,
  controllerOf,
  type Deployment,
  Deployments,
  isControlledBy,
  matchesLabelSelector,
  type NewObject,
  type Pod,
  Pods,
  type ReplicaSet,
  ReplicaSets,
} from "../api/index.ts";
import { also, type Cache, defineController, keyOf, type ReconcileContext } from "../client/index.ts";
import { deepEqual, errorMessage } from "../lib/index.ts";
import { claimObjects, orphanIndex } from "./claim.ts";
import { deleteSame } from "./deletion.ts";
import { revisionAnnotation } from "./deployment-annotations.ts";
import { type DeploymentPlan, hasTemplateOf, planDeployment, type SetChange } from "./deployment-plan.ts";
import { planRollback } from "./deployment-rollback.ts";
import { Conditions, hasProgressDeadline } from "./deployment-status.ts";
import { isNamespaceTerminating } from "./pod-control.ts";

/** Moves each Deployment's pods to its present template, and keeps the ReplicaSets that tell its history. */
export const deploymentController = defineController({
  name: "deployment-controller",
  watches: {
    for: Deployments,
    owns: [ReplicaSets],
    also: [also(ReplicaSets, deploymentsOfOrphan), also(Pods, recreatingDeployment)],
  },
  indexes: [orphanIndex(ReplicaSets)],
  async reconcile(context, key) {
    const { cache, client, clock, events } = context;
    const deployment = cache.get(Deployments, key);
    if (!deployment) return;
    const sets = await claimObjects(context, {
      owner: deployment,
      ownerResource: Deployments,
      resource: ReplicaSets,
      matches: ({ metadata }) => matchesLabelSelector(deployment.spec.selector, metadata.labels),
    });
    const rollback = planRollback(deployment, sets);
    if (rollback) {
      await client.update(Deployments, rollback.deployment);
      events[rollback.type](deployment, rollback.reason, rollback.message);
      return { afterMs: 0 };
    }
    const podsOf = (set: ReplicaSet) => cache.ownedBy(Pods, set);
    const plan = planDeployment({ deployment, sets, podsOf, nowMs: clock.now() });
    await carryOut(context, deployment, plan);
    return plan.afterMs === undefined ? undefined : { afterMs: plan.afterMs };
  },
});

function* deploymentsOfOrphan(set: ReplicaSet, cache: Cache): Iterable<string> {
  if (controllerOf(set)) return;
  for (const deployment of cache.list(Deployments, set.metadata.namespace)) {
    if (matchesLabelSelector(deployment.spec.selector, set.metadata.labels)) yield keyOf(deployment);
  }
}

/** A Deployment of the Recreate strategy waits for its old pods to be gone. */
function* recreatingDeployment(pod: Pod, cache: Cache): Iterable<string> {
  const set = controllerOf(pod);
  if (set?.kind !== "ReplicaSet") return;
  const namespace = pod.metadata.namespace ?? "";
  const found = cache.get(ReplicaSets, `${namespace}/${set.name}`);
  const owner = found && controllerOf(found);
  if (owner?.kind !== "Deployment") return;
  const key = `${namespace}/${owner.name}`;
  if (cache.get(Deployments, key)?.spec.strategy?.type === "Recreate") yield key;
}

async function carryOut(context: ReconcileContext, deployment: Deployment, plan: DeploymentPlan): Promise<void> {
  const { client } = context;
  if (plan.create && !(await createSet(context, deployment, plan.create))) return;
  for (const change of plan.change) await changeSet(context, deployment, change);
  for (const set of plan.remove) await deleteSame(client, ReplicaSets, set);
  const { metadata, status } = deployment;
  const isRevised = plan.revision !== undefined && metadata.annotations?.[revisionAnnotation] !== plan.revision;
  if (!isRevised && sameStatus(status, plan.status)) return;
  // The revision is written with the status, as an annotation by itself would be a new generation.
  const annotations = { ...metadata.annotations, [revisionAnnotation]: plan.revision ?? "" };
  const next = { ...deployment, ...(isRevised && { metadata: { ...metadata, annotations } }), status: plan.status };
  await client.update(Deployments, next, { subresource: "status" });
}

/** Zeros are left out by the API, and the order of conditions says nothing. */
function sameStatus(a: Deployment["status"], b: Deployment["status"]): boolean {
  const normal = ({ conditions = [], ...counts }: Deployment["status"]) => [
    Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== 0)),
    conditions.toSorted((one, other) => (one.type < other.type ? -1 : 1)),
  ];
  return deepEqual(normal(a), normal(b));
}

/** Whether the set was created; false when the next reconcile must look again. */
async function createSet(
  context: ReconcileContext,
  deployment: Deployment,
  set: NewObject<ReplicaSet>,
): Promise<boolean> {
  const { client, events } = context;
  try {
    await client.create(ReplicaSets, set);
  } catch (error) {
    if (isNamespaceTerminating(error)) return false;
    if (error instanceof ApiError && error.code === 409) return await settleCollision(context, deployment, set);
    await reportCreateError(context, deployment, set, error);
    throw error;
  }
  const replicas = set.spec?.replicas ?? 0;
  if (replicas > 0) {
    const message = `Scaled up replica set ${set.metadata.name} from 0 to ${replicas}`;
    events.normal(deployment, "ScalingReplicaSet", message);
  }
  return true;
}

/** The name is taken: by this very set, which the cache has not seen yet, or by another template with the same hash. */
async function settleCollision(
  { client, log }: ReconcileContext,
  deployment: Deployment,
  set: NewObject<ReplicaSet>,
): Promise<boolean> {
  const { name = "", namespace } = set.metadata;
  const taken = await client.get(ReplicaSets, { name, ...(namespace === undefined ? {} : { namespace }) });
  if (isControlledBy(taken, deployment) && hasTemplateOf(deployment, taken)) return true;
  const collisionCount = (deployment.status.collisionCount ?? 0) + 1;
  log.info("another template has the same hash", { deployment: keyOf(deployment), set: name, collisionCount });
  const status = { ...deployment.status, collisionCount };
  // Seeing its own status change, the controller plans again with the new count.
  await client.update(Deployments, { ...deployment, status }, { subresource: "status" });
  return false;
}

async function reportCreateError(
  { client, clock, events }: ReconcileContext,
  deployment: Deployment,
  set: NewObject<ReplicaSet>,
  error: unknown,
): Promise<void> {
  const message = `Failed to create new replica set "${set.metadata.name}": ${errorMessage(error)}`;
  events.warning(deployment, "ReplicaSetCreateError", message);
  if (!hasProgressDeadline(deployment)) return;
  const conditions = new Conditions(deployment.status.conditions ?? [], clock.now());
  conditions.set("Progressing", "False", "ReplicaSetCreateError", message);
  const status = { ...deployment.status, conditions: conditions.list };
  if (sameStatus(deployment.status, status)) return;
  await client.update(Deployments, { ...deployment, status }, { subresource: "status" });
}

async function changeSet(
  { client, events }: ReconcileContext,
  deployment: Deployment,
  { set, replicas, minReadySeconds, annotations }: SetChange,
): Promise<void> {
  const before = set.spec.replicas ?? 1;
  await client.update(ReplicaSets, {
    ...set,
    metadata: { ...set.metadata, annotations },
    spec: {
      ...set.spec,
      replicas,
      ...(minReadySeconds === (set.spec.minReadySeconds ?? 0) ? {} : { minReadySeconds }),
    },
  });
  if (replicas === before) return;
  const direction = replicas > before ? "up" : "down";
  const message = `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`;
  events.normal(deployment, "ScalingReplicaSet", message);
}
