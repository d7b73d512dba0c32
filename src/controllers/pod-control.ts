// Making and removing the pods of a controller, with the events that tell of it: pkg/controller/controller_utils.go.
import {
  ApiError,
  isGone,
  isPodAvailable,
  isPodReady,
  type KubeObject,
  type NewObject,
  newControllerReference,
  type Pod,
  Pods,
  type PodTemplateSpec,
  podCondition,
  type ResourceReference,
} from "../api/index.ts";
import type { ReconcileContext } from "../client/index.ts";
import { errorMessage } from "../lib/index.ts";

/** A pod of `owner`, with a name that the server completes. */
export function podFromTemplate(
  owner: KubeObject,
  resource: ResourceReference,
  template: PodTemplateSpec,
): NewObject<Pod> {
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

const batchMax = 500;

/**
 * Runs `run` for all items, in batches that double from one; the batch in which something fails is the last. So what is
 * refused for all costs few requests. Returns the first error, undefined when none failed.
 */
export async function inGrowingBatches<T>(
  items: readonly T[],
  run: (item: T) => Promise<unknown>,
): Promise<{ readonly error: unknown } | undefined> {
  for (let done = 0, batch = 1; done < items.length; done += batch, batch = Math.min(batch * 2, batchMax)) {
    const results = await Promise.allSettled(items.slice(done, done + batch).map(run));
    for (const result of results) {
      if (result.status === "rejected") return { error: result.reason };
    }
  }
  return undefined;
}

/** Whether there is a pod now: there is none in a namespace that is being deleted. */
export async function createPod(
  { client, events }: ReconcileContext,
  owner: KubeObject,
  pod: NewObject<Pod>,
): Promise<boolean> {
  try {
    const { metadata } = await client.create(Pods, pod);
    events.normal(owner, "SuccessfulCreate", `Created pod: ${metadata.name}`);
    return true;
  } catch (error) {
    // The namespace is going, and the owner with it: there is nothing to report or to repeat.
    if (isNamespaceTerminating(error)) return false;
    events.warning(owner, "FailedCreate", `Error creating: ${errorMessage(error)}`);
    throw error;
  }
}

/** Whether a create was refused because its namespace is being deleted. */
export function isNamespaceTerminating(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating") ?? false;
}

export async function deletePod({ client, events }: ReconcileContext, owner: KubeObject, pod: Pod): Promise<void> {
  const { metadata } = pod;
  try {
    await client.delete(Pods, metadata, { body: { preconditions: { uid: metadata.uid } } });
    events.normal(owner, "SuccessfulDelete", `Deleted pod: ${metadata.name}`);
  } catch (error) {
    if (isGone(error)) return;
    events.warning(owner, "FailedDelete", `Error deleting: ${errorMessage(error)}`);
    throw error;
  }
}

/** When the next ready pod will have been ready for long enough to count as available. */
export function nextAvailability(pods: readonly Pod[], minReadySeconds: number, nowMs: number) {
  let nextMs = Number.POSITIVE_INFINITY;
  for (const pod of pods) {
    if (!isPodReady(pod) || isPodAvailable(pod, minReadySeconds, nowMs)) continue;
    const readySinceMs = Date.parse(podCondition(pod, "Ready")?.lastTransitionTime ?? "");
    if (!Number.isNaN(readySinceMs)) nextMs = Math.min(nextMs, readySinceMs + minReadySeconds * 1000);
  }
  return Number.isFinite(nextMs) ? { afterMs: Math.max(1, nextMs - nowMs) } : undefined;
}
