import {
  ApiError,
  controllerOf,
  isPodTerminal,
  matchesLabelSelector,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  type Pod,
  Pods,
  type StatefulSet,
  StatefulSets,
} from "../api/index.ts";
import { also, type Cache, defineController, type Key, keyOf, type ReconcileContext } from "../client/index.ts";
import { errorMessage } from "../lib/index.ts";
import { claimObjects, orphanIndex } from "./claim.ts";
import { forgetRevisions, type History, historyOf, revisionIndex, watchRevisions } from "./controller-revisions.ts";
import { deleteSame } from "./deletion.ts";
import { FailedPods } from "./failed-pods.ts";
import { inGrowingBatches, isNamespaceTerminating } from "./pod-control.ts";
import type { ClaimChanges } from "./stateful-set-claims.ts";
import { type PodStep, planStatefulSet, statusOf } from "./stateful-set-plan.ts";
import { parsePodName, revisionOf } from "./stateful-set-pod.ts";
import { sameStatus } from "./status-equality.ts";

/** On the revisions of StatefulSets. */
const hashLabel = "controller.kubernetes.io/hash";

/** Kubernetes replaces an ended pod at once, however often; a node that keeps refusing it would keep both busy. */
const failedPodBackoff = { firstMs: 1_000, maxMs: 60_000 };

/** Keeps the pods of each StatefulSet, one for each ordinal, with their volumes, and rolls them to its template. */
export function statefulSetController() {
  const failed = new FailedPods(failedPodBackoff);
  return defineController({
    name: "statefulset-controller",
    watches: {
      for: StatefulSets,
      owns: [Pods],
      also: [also(Pods, setWithName), also(PersistentVolumeClaims, setOfGoneClaim), watchRevisions(StatefulSets)],
    },
    indexes: [orphanIndex(Pods), revisionIndex],
    async reconcile(context, key) {
      const set = context.cache.get(StatefulSets, key);
      if (set?.metadata.deletionTimestamp !== undefined) return await reportEnding(context, set);
      if (set) return await reconcileSet(context, set, failed);
    },
  });
}

/** The set that could adopt an orphan, or that can make a pod since somebody else's with its name is gone. */
function* setWithName(pod: Pod, cache: Cache): Iterable<Key> {
  const parsed = parsePodName(pod.metadata.name);
  if (!parsed) return;
  const isThere = cache.get(Pods, keyOf(pod)) !== undefined;
  if (isThere && controllerOf(pod)) return;
  const key = `${pod.metadata.namespace}/${parsed.setName}`;
  if (cache.get(StatefulSets, key)) yield key;
}

/** Claims are named template-set-ordinal; names may have hyphens themselves. */
function* setOfGoneClaim(claim: PersistentVolumeClaim, cache: Cache): Iterable<Key> {
  if (cache.get(PersistentVolumeClaims, keyOf(claim))) return;
  const { name, namespace } = claim.metadata;
  const prefix = parsePodName(name)?.setName ?? "";
  for (let at = prefix.indexOf("-"); at >= 0; at = prefix.indexOf("-", at + 1)) {
    const key = `${namespace}/${prefix.slice(at + 1)}`;
    const templates = cache.get(StatefulSets, key)?.spec.volumeClaimTemplates ?? [];
    if (templates.some(({ metadata }) => metadata.name === prefix.slice(0, at))) yield key;
  }
}

async function reconcileSet(context: ReconcileContext, set: StatefulSet, failed: FailedPods) {
  const { cache, client, clock } = context;
  const history = await historyOf(context, set, StatefulSets, hashLabel);
  if (!history) return;
  const pods = await claimObjects(context, {
    owner: set,
    ownerResource: StatefulSets,
    resource: Pods,
    matches: ({ metadata }) =>
      matchesLabelSelector(set.spec.selector, metadata.labels) &&
      parsePodName(metadata.name)?.setName === set.metadata.name,
  });
  const { present: update } = history;
  const { currentRevision } = set.status;
  const current = history.old.find(({ metadata }) => metadata.name === currentRevision) ?? update;
  const { namespace } = set.metadata;
  const plan = planStatefulSet({
    set,
    pods,
    current,
    update,
    claimOf: (name) => cache.get(PersistentVolumeClaims, `${namespace}/${name}`),
    holdOffMs: (podName) => failed.waitMs(set, podName, clock.monotonicMs()),
    nowMs: clock.now(),
  });
  const problem = await carryOut(context, set, plan.stages, failed);
  if (!sameStatus(set.status, plan.status)) {
    await client.update(StatefulSets, { ...set, status: plan.status }, { subresource: "status" });
  }
  if (problem) throw problem.error;
  const inUse = [current.metadata.name, ...pods.map(revisionOf)];
  await forgetOldest(context, set, history, new Set(inUse));
  return plan.afterMs === undefined ? undefined : { afterMs: plan.afterMs };
}

/** What a set that is being deleted leaves behind is the garbage collector's, its history too; it says what is left. */
async function reportEnding({ cache, client, clock }: ReconcileContext, set: StatefulSet): Promise<void> {
  const { updateRevision: update, currentRevision: current = update } = set.status;
  if (update === undefined || current === undefined) return;
  const pods = cache.ownedBy(Pods, set);
  const status = statusOf(set, pods, { current, update }, clock.now());
  if (sameStatus(set.status, status)) return;
  await client.update(StatefulSets, { ...set, status }, { subresource: "status" });
}

/** Deletes what no pod uses of the history, but for as much as it may have. A limit below zero keeps all. */
async function forgetOldest(
  context: ReconcileContext,
  { spec }: StatefulSet,
  { old, duplicates }: History,
  inUse: ReadonlySet<string | undefined>,
): Promise<void> {
  const limit = spec.revisionHistoryLimit ?? 10;
  if (limit < 0) return;
  const dead = [...old, ...duplicates].filter(({ metadata }) => !inUse.has(metadata.name));
  await forgetRevisions(context, dead, dead.length - limit);
}

/** Takes the stages in order, until a step fails. */
async function carryOut(
  context: ReconcileContext,
  set: StatefulSet,
  stages: readonly (readonly PodStep[])[],
  failed: FailedPods,
): Promise<{ readonly error: unknown } | undefined> {
  for (const stage of stages) {
    const problem = await inGrowingBatches(stage, async (step) => {
      if (step.verb === "delete" && isPodTerminal(step.pod)) {
        failed.note(set, step.pod.metadata.name, context.clock.monotonicMs());
      }
      await take(context, set, step);
    });
    if (problem) return problem;
  }
  return undefined;
}

/** Takes one step and tells of it in the words of pkg/controller/statefulset/stateful_pod_control.go. */
async function take(context: ReconcileContext, set: StatefulSet, step: PodStep): Promise<void> {
  const { client, events } = context;
  const name = step.verb === "update" ? step.name : (step.pod.metadata.name ?? "");
  const about = `Pod ${name} in StatefulSet ${set.metadata.name}`;
  const outcome = step.verb[0]?.toUpperCase() + step.verb.slice(1);
  try {
    if (step.verb !== "delete") await changeClaims(context, set, step.claims, about);
    if (step.verb === "create") await client.create(Pods, step.pod);
    else if (step.verb === "delete") await deleteSame(client, Pods, step.pod);
    else if (step.pod) await client.update(Pods, step.pod);
    else return;
    events.normal(set, `Successful${outcome}`, `${step.verb} ${about} successful`);
  } catch (error) {
    // The namespace is going, and the set with it.
    if (isNamespaceTerminating(error)) return;
    // Another's pod has the name. The set waits until it is gone.
    const isTaken = step.verb === "create" && error instanceof ApiError && error.code === 409;
    if (!isTaken) {
      const message = `${step.verb} ${about} failed error: ${errorMessage(error)}`;
      events.warning(set, `Failed${outcome}`, message);
    }
    throw error;
  }
}

async function changeClaims(
  { client, events }: ReconcileContext,
  set: StatefulSet,
  { create, update, leaving, conflicting }: ClaimChanges,
  about: string,
): Promise<void> {
  for (const name of conflicting) {
    const message = `PersistentVolumeClaim ${name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`;
    events.warning(set, "ConflictingController", message);
  }
  for (const claim of create) {
    const { name } = claim.metadata;
    try {
      await client.create(PersistentVolumeClaims, claim);
      events.normal(set, "SuccessfulCreate", `create Claim ${name} ${about} success`);
    } catch (error) {
      if (isNamespaceTerminating(error)) throw error;
      const message = `create Claim ${name} for ${about} failed error: ${errorMessage(error)}`;
      if (!(error instanceof ApiError && error.code === 409)) events.warning(set, "FailedCreate", message);
      throw new Error(`failed to create PVC ${name}: ${errorMessage(error)}`, { cause: error });
    }
  }
  for (const claim of update) await client.update(PersistentVolumeClaims, claim);
  if (leaving.length > 0) throw new Error(`pvc ${leaving[0]} is being deleted`);
}
