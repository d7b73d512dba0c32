import {
  ApiError,
  badRequest,
  type DeleteOptions,
  type Eviction,
  forbidden,
  isPodReady,
  isPodTerminal,
  type KubeObject,
  matchesLabelSelector,
  notFound,
  type Pod,
  type PodCondition,
  type PodDisruptionBudget,
  type PodDisruptionBudgetStatus,
  PodDisruptionBudgets,
  Pods,
  type ResourceDefinition,
  type Status,
  withCondition,
  withDisruptionAllowed,
} from "../../api/index.ts";
import { type Draft, timestamp } from "../../lib/index.ts";
import type { StoredObject } from "../../storage/index.ts";
import { untilUndisturbed } from "./commit.ts";
import type { ObjectRequest } from "./context.ts";
import { checkPreconditions, deleteObject } from "./delete.ts";

/** Pods whose eviction a budget has allowed and not yet seen; as upstream, more mean that its controller is stuck. */
const disruptedPodsMax = 2000;
const retryAfterSeconds = 10;
const refusal = "Cannot evict pod as it would violate the pod's disruption budget.";

/** Deletes the pod that the request names if its disruption budget allows that, and counts it there. */
export async function evictPod(request: ObjectRequest, body: Draft<KubeObject>): Promise<Status> {
  const eviction = body as unknown as Eviction; // decoded as one
  const options: DeleteOptions = eviction.deleteOptions ?? {};
  if (eviction.metadata.name !== request.name) throw badRequest("name in URL does not match name in Eviction object");
  const dryRun = request.dryRun || (options.dryRun ?? []).includes("All");
  const own = { ...request, dryRun };
  let isPaid = false;
  let uid: string | undefined;
  await untilUndisturbed(request, async () => {
    const stored = request.store.get(request.namespace, request.name);
    if (!stored) throw notFound(Pods, request.name);
    const pod = stored.object as Pod; // below the prefix of pods
    checkPreconditions(request, options, pod.metadata);
    ({ uid } = pod.metadata);
    if (!isPaid && !needsNoBudget(pod)) isPaid = await spendBudget(own, pod);
    // This also holds that the pod is still as it was judged: one that became ready meanwhile is judged again.
    if (!dryRun) await mark(own, stored);
  });
  // The mark has made the pod another version than the one that the client knew. One of the same name that came in its
  // place was not judged.
  const preconditions = { ...(uid === undefined ? {} : { uid }) };
  // To admission it is the deletion of a whole pod.
  await deleteObject({ ...own, subresource: "" }, dryRun ? options : { ...options, preconditions });
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {} as Status["metadata"], // that of a Status is empty
    status: "Success",
    code: 201,
  };
}

/** Says in the pod's status why it goes, which its owners count by (KEP-3329). */
async function mark({ context, store }: ObjectRequest, stored: StoredObject): Promise<void> {
  const pod = stored.object as Pod; // below the prefix of pods
  const { generation } = pod.metadata;
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "EvictionByEvictionAPI",
    message: "Eviction API: evicting",
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  const conditions = withCondition<PodCondition>(pod.status?.conditions, condition, context.clock.now());
  const value = await store.value({ ...pod, status: { ...pod.status, conditions } } as KubeObject); // still a pod
  await context.cache.waitFor(await context.storage.commit([{ key: stored.key, expect: stored.revision, value }]));
}

/** Pods that have ended, are going already or never ran disrupt nothing. */
function needsNoBudget(pod: Pod): boolean {
  return isPodTerminal(pod) || pod.status?.phase === "Pending" || pod.metadata.deletionTimestamp !== undefined;
}

/** Takes the pod from its budget; false where it needs none. Throws ApiError when the budget has nothing left. */
async function spendBudget(request: ObjectRequest, pod: Pod): Promise<boolean> {
  // The pipeline treats all kinds alike.
  const store = request.context.storeOf(PodDisruptionBudgets as unknown as ResourceDefinition);
  const budgets = store.cache
    .list(request.namespace)
    .filter(({ object }) => matchesLabelSelector((object as PodDisruptionBudget).spec.selector, pod.metadata.labels));
  if (budgets.length === 0) return false;
  if (budgets.length > 1)
    throw new ApiError(
      500,
      "",
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    );
  const stored = budgets[0] as StoredObject; // just counted
  const budget = stored.object as PodDisruptionBudget; // below the prefix of budgets
  if (mayGoUnhealthy(budget, pod)) return false;
  checkBudget(budget);
  if (request.dryRun) return true;
  const value = await store.value(spent(budget, pod, request.context.clock.now()));
  const revision = await request.context.storage.commit([{ key: stored.key, expect: stored.revision, value }]);
  await request.context.cache.waitFor(revision);
  return true;
}

/** A pod that is not ready counts for nothing in a budget that is met, or whose policy gives it up. */
function mayGoUnhealthy({ spec, status }: PodDisruptionBudget, pod: Pod): boolean {
  if (isPodReady(pod)) return false;
  if (spec.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status;
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

function checkBudget({ metadata, status }: PodDisruptionBudget): void {
  const { name, generation = 0 } = metadata;
  const { observedGeneration = 0, disruptionsAllowed = 0, disruptedPods = {} } = status;
  if (observedGeneration < generation)
    throw refused(`The disruption budget ${name} is still being processed by the server.`, retryAfterSeconds);
  if (disruptionsAllowed < 0) throw forbidden(PodDisruptionBudgets, name, "pdb disruptions allowed is negative");
  if (Object.keys(disruptedPods).length > disruptedPodsMax)
    throw forbidden(
      PodDisruptionBudgets,
      name,
      "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
    );
  if (disruptionsAllowed > 0) return;
  throw refused(whyRefused(name, status));
}

/** Where the budget could not be counted, its numbers say nothing. */
function whyRefused(name: string, { conditions, currentHealthy = 0, desiredHealthy = 0 }: PodDisruptionBudgetStatus) {
  const allowed = conditions?.find(({ type }) => type === "DisruptionAllowed");
  const told = allowed?.status === "False" && allowed.message ? allowed : undefined;
  const refusesNow = `The disruption budget ${name} does not allow evicting pods currently`;
  if (told?.reason === "SyncFailed") return `${refusesNow} because it failed sync: ${told.message}`;
  if (currentHealthy <= desiredHealthy)
    return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  return told ? `${refusesNow} (${told.reason}): ${told.message}` : refusesNow;
}

function refused(message: string, afterSeconds?: number): ApiError {
  return new ApiError(429, "TooManyRequests", refusal, {
    causes: [{ reason: "DisruptionBudget", message }],
    ...(afterSeconds === undefined ? {} : { retryAfterSeconds: afterSeconds }),
  });
}

function spent(budget: PodDisruptionBudget, pod: Pod, nowMs: number): PodDisruptionBudget {
  const disruptionsAllowed = (budget.status.disruptionsAllowed ?? 0) - 1;
  const disruptedPods = { ...budget.status.disruptedPods, [pod.metadata.name]: timestamp(nowMs) };
  const status = { ...budget.status, disruptionsAllowed, disruptedPods };
  return { ...budget, status: disruptionsAllowed === 0 ? withDisruptionAllowed(status, nowMs) : status };
}
