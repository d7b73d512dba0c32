// Frees the pods that no job counts any more: their finalizer would keep them for ever.
import { controllerOf, isJobFinished, type Job, Jobs, type Pod, Pods } from "../api/index.ts";
import { also, type Cache, defineController, keyOf } from "../client/index.ts";
import { untrack } from "./job.ts";
import { isManagedElsewhere, isTracked } from "./job-pods.ts";

export const jobOrphanPodController = defineController({
  name: "job-orphan-pod-controller",
  watches: {
    also: [
      also(Jobs, (job, cache) => (isOver(job, cache) ? cache.ownedBy(Pods, job).filter(isTracked).map(keyOf) : [])),
      also(Pods, (pod, cache) => (isForgotten(pod, cache) ? [keyOf(pod)] : [])),
    ],
  },
  async reconcile(context, key) {
    const pod = context.cache.get(Pods, key);
    if (!pod || !isForgotten(pod, context.cache)) return;
    // A job may be taking it in at this moment, with the finalizer: then this is a conflict.
    await untrack(context, pod, { resourceVersion: pod.metadata.resourceVersion });
  },
});

/** Whether the pod waits to be counted and nobody is going to do it. */
function isForgotten(pod: Pod, cache: Cache): boolean {
  if (!isTracked(pod)) return false;
  const owner = controllerOf(pod);
  if (!owner) return true;
  if (owner.kind !== "Job" || owner.apiVersion !== "batch/v1") return false;
  const job = cache.get(Jobs, `${pod.metadata.namespace}/${owner.name}`);
  return job?.metadata.uid !== owner.uid || isOver(job, cache);
}

function isOver(job: Job, cache: Cache): boolean {
  const present = cache.get(Jobs, keyOf(job));
  if (present?.metadata.uid !== job.metadata.uid) return true;
  return isJobFinished(present) && !isManagedElsewhere(present);
}
