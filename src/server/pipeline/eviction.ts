import {
  ApiError,
  badRequest,
  type DeleteOptions,
  type Eviction,
  forbidden,
  internalError,
  isPodReady,
  type KubeObject,
  matchesLabelSelector,
  notFound,
  type Pod,
  type PodDisruptionBudget,
  PodDisruptionBudgets,
  Pods,
  type ResourceDefinition,
  type Status,
} from "../../api/index.ts";
import { type Draft, timestamp } from "../../lib/index.ts";
import type { StoredObject } from "../../storage/index.ts";
import { untilUndisturbed } from "./commit.ts";
import type { ObjectRequest } from "./context.ts";
import { deleteObject } from "./delete.ts";

/** Pods whose eviction a budget has allowed and not yet seen; as upstream, more mean that its controller is stuck. */
const disruptedPodsMax = 2000;
const retryAfterSeconds = 10;
const refusal = "Cannot evict pod as it would violate the pod's disruption budget.";

/** Deletes the pod that the request names if its disruption budget allows that, and counts it there. */
export async function evictPod(request: ObjectRequest, body: Draft<KubeObject>): Promise<Status> {
  const eviction = body as unknown as Eviction; // decoded as one
  const options: DeleteOptions = eviction.deleteOptions ?? {};
  if (eviction.metadata.name && eviction.metadata.name !== request.name)
    throw badRequest("name in URL does not match name in Eviction object");
  const dryRun = request.dryRun || (options.dryRun ?? []).includes("All");
  await untilUndisturbed(request, async () => {
    const stored = request.store.get(request.namespace, request.name);
    if (!stored) throw notFound(Pods, request.name);
    const pod = stored.object as Pod; // below the prefix of pods
    if (!needsNoBudget(pod)) await spendBudget({ ...request, dryRun }, pod);
  });
  // To admission it is the deletion of a whole pod.
  await deleteObject({ ...request, subresource: "", dryRun }, options);
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {} as Status["metadata"], // that of a Status is empty
    status: "Success",
    code: 201,
  };
}

/** Pods that have ended, are going already or never ran disrupt nothing. */
function needsNoBudget({ metadata, status }: Pod): boolean {
  const phase = status?.phase;
  return phase === "Succeeded" || phase === "Failed" || phase === "Pending" || metadata.deletionTimestamp !== undefined;
}

async function spendBudget(request: ObjectRequest, pod: Pod): Promise<void> {
  // The pipeline treats all kinds alike.
  const store = request.context.storeOf(PodDisruptionBudgets as unknown as ResourceDefinition);
  const budgets = store.cache
    .list(request.namespace)
    .filter(({ object }) => matchesLabelSelector((object as PodDisruptionBudget).spec.selector, pod.metadata.labels));
  if (budgets.length === 0) return;
  if (budgets.length > 1)
    throw internalError(
      new Error("This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."),
    );
  const stored = budgets[0] as StoredObject; // just counted
  const budget = stored.object as PodDisruptionBudget; // below the prefix of budgets
  if (mayGoUnhealthy(budget, pod)) return;
  checkBudget(budget);
  if (request.dryRun) return;
  const value = await store.value(spent(budget, pod, request.context.clock.now()));
  const revision = await request.context.storage.commit([{ key: stored.key, expect: stored.revision, value }]);
  await request.context.cache.waitFor(revision);
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
    throw refused(`The disruption budget ${name} is still being processed by the server.`);
  if (disruptionsAllowed < 0) throw forbidden(PodDisruptionBudgets, name, "pdb disruptions allowed is negative");
  if (Object.keys(disruptedPods).length > disruptedPodsMax)
    throw forbidden(
      PodDisruptionBudgets,
      name,
      "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
    );
  if (disruptionsAllowed > 0) return;
  const { desiredHealthy = 0, currentHealthy = 0 } = status;
  throw refused(
    `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
  );
}

function refused(message: string): ApiError {
  return new ApiError(429, "TooManyRequests", refusal, {
    causes: [{ reason: "DisruptionBudget", message }],
    retryAfterSeconds,
  });
}

function spent(budget: PodDisruptionBudget, pod: Pod, nowMs: number): PodDisruptionBudget {
  const { status } = budget;
  const disruptedPods = { ...status.disruptedPods, [pod.metadata.name]: timestamp(nowMs) };
  return { ...budget, status: { ...status, disruptionsAllowed: (status.disruptionsAllowed ?? 0) - 1, disruptedPods } };
}
