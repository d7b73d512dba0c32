// Removes pods that nobody else will remove: pkg/controller/podgc/gc_controller.go.
import { ApiError, isGone, isPodTerminal, type Node, Nodes, outOfServiceTaint, type Pod, Pods } from "../api/index.ts";
import { also, type Cache, defineController, keyOf, type ReconcileContext } from "../client/index.ts";
import { timestamp } from "../lib/index.ts";
import { readinessOf } from "./node-conditions.ts";
import { podsByNode } from "./pods-by-node.ts";

/** How long a node must be missing before its pods count as lost. */
const quarantineMs = 40_000;
/** kube-controller-manager's --terminated-pod-gc-threshold. */
const terminatedMaxDefault = 12_500;
/** The key under which ended pods are counted; no pod has it, for those have a slash. */
const terminatedKey = "terminated";

export function podGarbageCollector(terminatedMax = terminatedMaxDefault) {
  /** By the pod's key, since when its node has been missing. */
  const missingSince = new Map<string, { readonly uid: string; readonly atMs: number }>();
  return defineController({
    name: "pod-garbage-collector-controller",
    watches: {
      also: [
        also(Pods, keysOfPod),
        // Of what changes about nodes only their coming and going concerns this controller, and whether they are lost.
        also(Nodes, (node, cache, old) =>
          old && isLost(node) === isLost(old) ? [] : podsOn(node.metadata.name, cache).map(keyOf),
        ),
      ],
    },
    indexes: [podsByNode, endedPods],
    async reconcile(context, key) {
      if (key === terminatedKey) return await removeOldest(context, terminatedMax);
      const { cache, clock } = context;
      const pod = cache.get(Pods, key);
      // What is remembered of a pod that is gone says nothing about another one of its name.
      if (missingSince.get(key)?.uid !== pod?.metadata.uid) missingSince.delete(key);
      if (!pod) return;
      const { nodeName } = pod.spec;
      const isTerminating = pod.metadata.deletionTimestamp !== undefined;
      if (!nodeName) {
        if (isTerminating) await remove(context, pod);
        return;
      }
      const node = cache.get(Nodes, nodeName);
      if (node) {
        missingSince.delete(key);
        if (isTerminating && isLost(node)) await remove(context, pod);
        return;
      }
      const sinceMs = missingSince.get(key)?.atMs ?? clock.monotonicMs();
      missingSince.set(key, { uid: pod.metadata.uid, atMs: sinceMs });
      const leftMs = sinceMs + quarantineMs - clock.monotonicMs();
      if (leftMs > 0) return { afterMs: leftMs };
      missingSince.delete(key);
      if (await isNodeGone(context, nodeName)) await remove(context, pod, "PodGC: node no longer exists");
    },
  });
}

/** Most changes of pods concern nobody here. */
function* keysOfPod(pod: Pod, cache: Cache, old: Pod | undefined): Iterable<string> {
  if (isPodTerminal(pod) && !(old && isPodTerminal(old))) yield terminatedKey;
  const { nodeName } = pod.spec;
  const node = nodeName ? cache.get(Nodes, nodeName) : undefined;
  const isTerminating = pod.metadata.deletionTimestamp !== undefined;
  if (!nodeName ? isTerminating : !node || (isTerminating && isLost(node))) yield keyOf(pod);
}

/** Whether somebody has declared the node out of service, and it does not say otherwise. */
function isLost(node: Node): boolean {
  const isOutOfService = node.spec.taints?.some((taint) => taint.key === outOfServiceTaint) ?? false;
  return isOutOfService && readinessOf(node) !== "True";
}

const endedPods = {
  resource: Pods,
  name: "ended",
  values: (pod: Pod) => (isPodTerminal(pod) ? ["true"] : []),
};

function podsOn(nodeName: string, cache: Cache): readonly Pod[] {
  return cache.byIndex(Pods, podsByNode.name, nodeName);
}

async function isNodeGone({ client }: ReconcileContext, nodeName: string): Promise<boolean> {
  try {
    await client.get(Nodes, { name: nodeName });
    return false;
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return true;
    throw error;
  }
}

/** Of the pods that have ended, only so many are kept; those that were evicted go first, then the oldest. */
async function removeOldest(context: ReconcileContext, max: number): Promise<void> {
  const ended = context.cache.byIndex(Pods, endedPods.name, "true");
  if (ended.length <= max) return;
  const createdMs = ({ metadata }: Pod) => Date.parse(metadata.creationTimestamp);
  const isKept = ({ status }: Pod) => Number(!(status.phase === "Failed" && status.reason === "Evicted"));
  const oldest = ended
    .toSorted(
      (a, b) => isKept(a) - isKept(b) || createdMs(a) - createdMs(b) || (a.metadata.name < b.metadata.name ? -1 : 1),
    )
    .slice(0, ended.length - max);
  for (const pod of oldest) await remove(context, pod);
}

/** Deletes without grace: no node is there that would end the containers. A pod that had not ended has failed now. */
async function remove(context: ReconcileContext, pod: Pod, why?: string): Promise<void> {
  const { client, clock } = context;
  const { uid, generation } = pod.metadata;
  try {
    if (!isPodTerminal(pod)) {
      const observed = generation === undefined ? {} : { observedGeneration: generation };
      const lastTransitionTime = timestamp(clock.now());
      const mark = { type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC", message: why };
      const conditions = why === undefined ? {} : { conditions: [{ ...mark, ...observed, lastTransitionTime }] };
      const patch = { metadata: { uid }, status: { phase: "Failed", ...observed, ...conditions } };
      await client.patch(Pods, pod.metadata, patch, {
        type: "application/strategic-merge-patch+json",
        subresource: "status",
      });
    }
    await client.delete(Pods, pod.metadata, { body: { gracePeriodSeconds: 0, preconditions: { uid } } });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
