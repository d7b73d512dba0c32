// Deletes pods from nodes with taints of effect NoExecute that they do not tolerate, or not for longer.
// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions
import { isGone, Nodes, type Pod, Pods, type Taint, type Toleration, toleratesTaint } from "../api/index.ts";
import { also, type Cache, defineController, keyOf, type ReconcileContext } from "../client/index.ts";
import { deepEqual, MetricRegistry, timestamp } from "../lib/index.ts";
import { podsByNode } from "./pods-by-node.ts";

/** `metrics` is where deletions are counted. */
export function taintEvictionController(metrics = new MetricRegistry()) {
  const subsystem = "taint_eviction_controller";
  const deletions = metrics.counter({ name: `${subsystem}_pod_deletions_total`, help: "Pods deleted." }).with();
  const lateness = metrics
    .histogram({
      name: `${subsystem}_pod_deletion_duration_seconds`,
      help: "The time from when a pod had to go until it was deleted.",
      buckets: [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240],
    })
    .with();
  /** By key, when that pod is to be deleted. Other tolerations or taints do not move it while they bear for a time only. */
  const due = new Map<string, { readonly uid: string; readonly atMs: number }>();
  return defineController({
    name: "taint-eviction-controller",
    watches: {
      also: [
        // A node's taints come with the node: pods that it has by then are looked at then.
        also(Pods, (pod, cache, old) => {
          const isBorne = () => due.has(keyOf(pod)) || noExecuteTaints(pod, cache).length > 0;
          return concerns(pod, old) && isBorne() ? [keyOf(pod)] : [];
        }),
        also(Nodes, (node, cache, old) =>
          deepEqual(node.spec.taints, old?.spec.taints)
            ? []
            : cache.byIndex(Pods, podsByNode.name, node.metadata.name).map(keyOf),
        ),
      ],
    },
    indexes: [podsByNode],
    async reconcile(context, key) {
      const { cache, clock, events } = context;
      const pod = cache.get(Pods, key);
      const { uid, deletionTimestamp } = pod?.metadata ?? {};
      // What is remembered of a pod that is gone says nothing about another one of its name.
      if (due.get(key)?.uid !== uid) due.delete(key);
      if (!pod) return;
      if (deletionTimestamp !== undefined) {
        due.delete(key);
        return;
      }
      const toleratedMs = toleranceMs(noExecuteTaints(pod, cache), pod.spec.tolerations ?? []);
      const isForATime = toleratedMs !== undefined && Number.isFinite(toleratedMs);
      if (!isForATime && due.delete(key)) {
        events.normal(pod, "TaintManagerEviction", `Cancelling deletion of Pod ${key}`);
      }
      if (toleratedMs === Number.POSITIVE_INFINITY) return;
      const nowMs = clock.monotonicMs();
      const atMs = due.get(key)?.atMs ?? nowMs + (toleratedMs ?? 0);
      if (atMs > nowMs) {
        due.set(key, { uid: pod.metadata.uid, atMs });
        return { afterMs: atMs - nowMs };
      }
      await evict(context, pod);
      deletions.add();
      lateness.observe((clock.monotonicMs() - atMs) / 1000);
      due.delete(key);
    },
  });
}

function concerns(pod: Pod, old: Pod | undefined): boolean {
  if (!pod.spec.nodeName) return false;
  if (!old) return true;
  const changed = (of: (each: Pod) => unknown) => !deepEqual(of(pod), of(old));
  return (
    changed(({ spec }) => spec.nodeName) ||
    changed(({ spec }) => spec.tolerations) ||
    changed(({ metadata }) => metadata.deletionTimestamp)
  );
}

/** The taints of the pod's node that drive pods away. */
function noExecuteTaints({ spec }: Pod, cache: Cache): readonly Taint[] {
  return (cache.get(Nodes, spec.nodeName ?? "")?.spec.taints ?? []).filter(({ effect }) => effect === "NoExecute");
}

/** How long the tolerations bear all the taints together; undefined when one is not tolerated. */
function toleranceMs(taints: readonly Taint[], tolerations: readonly Toleration[]): number | undefined {
  let leastMs = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    // The first that tolerates a taint says for how long (GetMatchingTolerations of k8s.io/component-helpers).
    const matching = tolerations.find((toleration) => toleratesTaint(toleration, taint));
    if (!matching) return undefined;
    const { tolerationSeconds } = matching;
    if (tolerationSeconds !== undefined) leastMs = Math.min(leastMs, Math.max(0, Number(tolerationSeconds)) * 1000);
  }
  return leastMs;
}

async function evict({ client, clock, events }: ReconcileContext, pod: Pod): Promise<void> {
  const { namespace, name, uid, generation } = pod.metadata;
  events.normal(pod, "TaintManagerEviction", `Marking for deletion Pod ${namespace}/${name}`);
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "DeletionByTaintManager",
    message: "Taint manager: deleting due to NoExecute taint",
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastTransitionTime: timestamp(clock.now()),
  };
  try {
    await client.patch(
      Pods,
      pod.metadata,
      { metadata: { uid }, status: { conditions: [condition] } },
      { type: "application/strategic-merge-patch+json", subresource: "status" },
    );
    await client.delete(Pods, pod.metadata, { body: { preconditions: { uid } } });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
