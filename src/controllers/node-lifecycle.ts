// Notices nodes that fall silent, and keeps pods away from nodes that are not well.
// https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller
import { Leases, type Node, Nodes, Pods, podCondition } from "../api/index.ts";
import { also, type Cache, defineController, type ReconcileContext } from "../client/index.ts";
import { deepEqual, timestamp } from "../lib/index.ts";
import {
  mayEvictIn,
  nodeCondition,
  notReadyTaint,
  readinessOf,
  silentConditions,
  unreachableTaint,
  wantedTaints,
  zoneOf,
} from "./node-conditions.ts";
import { podsByNode } from "./pods-by-node.ts";

/** kube-controller-manager's --node-monitor-grace-period, since v1.32. */
const graceMs = 50_000;
/** --node-startup-grace-period, for nodes that have never reported. */
const startupGraceMs = 60_000;
/** --node-eviction-rate is 0.1: in one zone, one more node in this time. */
const evictionIntervalMs = 10_000;
const leaseNamespace = "kube-node-lease";

/** What was last heard of a node, and when by this process's clock: the clocks of nodes need not agree with it. */
interface Heard {
  readonly sign: string;
  readonly atMs: number;
  readonly readiness: string;
}

export function nodeLifecycleController() {
  const monitor = new NodeMonitor();
  return defineController({
    name: "node-lifecycle-controller",
    watches: {
      for: Nodes,
      also: [also(Leases, ({ metadata }) => (metadata.namespace === leaseNamespace ? [metadata.name] : []))],
    },
    indexes: [podsByNode],
    reconcile: (context, name) => monitor.reconcile(context, name),
  });
}

class NodeMonitor {
  readonly #heard = new Map<string, Heard>();
  /** By zone, when the pods of a node were last allowed to be driven away. */
  readonly #evictedMs = new Map<string, number>();

  async reconcile(context: ReconcileContext, name: string) {
    const { cache, clock, events } = context;
    const node = cache.get(Nodes, name);
    if (!node) {
      this.#heard.delete(name);
      return;
    }
    if (!this.#heard.has(name)) {
      events.normal(node, "RegisteredNode", `Node ${name} event: Registered Node ${name} in Controller`);
    }
    const heard = this.#hear(node, cache, clock.monotonicMs());
    const grace = nodeCondition(node, "Ready") ? graceMs : startupGraceMs;
    const leftMs = heard.atMs + grace - clock.monotonicMs();
    const current = leftMs <= 0 ? await markSilent(context, node) : node;
    await this.#followReadiness(context, current, heard.readiness);
    const evictAfterMs = await this.#taint(context, current);
    const waits = [leftMs, evictAfterMs].filter((ms) => ms > 0);
    return waits.length === 0 ? undefined : { afterMs: Math.min(...waits) };
  }

  /** Notes whether the node or its lease says something new. */
  #hear(node: Node, cache: Cache, nowMs: number): Heard {
    const { name } = node.metadata;
    const renewed = cache.get(Leases, `${leaseNamespace}/${name}`)?.spec?.renewTime ?? "";
    const sign = `${renewed} ${nodeCondition(node, "Ready")?.lastHeartbeatTime ?? ""}`;
    const before = this.#heard.get(name);
    if (before?.sign === sign) return before;
    const heard = { sign, atMs: nowMs, readiness: before?.readiness ?? readinessOf(node) };
    this.#heard.set(name, heard);
    return heard;
  }

  /** When a node stops being ready, its pods are not ready either, so that nobody sends them requests. */
  async #followReadiness(context: ReconcileContext, node: Node, before: string): Promise<void> {
    const { name } = node.metadata;
    const readiness = readinessOf(node);
    if (readiness !== "True") {
      await markPodsNotReady(context, name);
      if (before === "True") {
        context.events.normal(node, "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
      }
    }
    const heard = this.#heard.get(name);
    if (heard && heard.readiness !== readiness) this.#heard.set(name, { ...heard, readiness });
  }

  /** Brings the taints up to date. Returns after what time the node's pods may be driven away; 0 when nothing waits. */
  async #taint({ client, cache, clock }: ReconcileContext, node: Node): Promise<number> {
    const nowMs = clock.monotonicMs();
    const zone = zoneOf(node);
    let mayEvict = false;
    let waitMs = 0;
    if (readinessOf(node) !== "True" && mayEvictIn(zone, cache.list(Nodes))) {
      const isTainted = node.spec.taints?.some(
        ({ effect, key }) => effect === "NoExecute" && (key === notReadyTaint || key === unreachableTaint),
      );
      waitMs = isTainted ? 0 : (this.#evictedMs.get(zone) ?? Number.NEGATIVE_INFINITY) + evictionIntervalMs - nowMs;
      mayEvict = waitMs <= 0;
      if (mayEvict && !isTainted) this.#evictedMs.set(zone, nowMs);
    }
    const taints = wantedTaints(node, mayEvict, clock.now());
    if (!deepEqual(taints, node.spec.taints ?? [])) {
      const { resourceVersion } = node.metadata;
      const spec = { taints: taints.length === 0 ? null : taints };
      await client.patch(Nodes, node.metadata, { metadata: { resourceVersion }, spec });
    }
    return Math.max(0, waitMs);
  }
}

async function markSilent({ client, clock }: ReconcileContext, node: Node): Promise<Node> {
  const conditions = silentConditions(node, clock.now());
  if (deepEqual(conditions, node.status.conditions)) return node;
  return await client.update(Nodes, { ...node, status: { ...node.status, conditions } }, { subresource: "status" });
}

async function markPodsNotReady({ client, cache, clock, events }: ReconcileContext, nodeName: string): Promise<void> {
  for (const pod of cache.byIndex(Pods, podsByNode.name, nodeName)) {
    const ready = podCondition(pod, "Ready");
    if (ready?.status !== "True") continue;
    const lastTransitionTime = timestamp(clock.now());
    const patch = {
      metadata: { uid: pod.metadata.uid },
      status: { conditions: [{ type: "Ready", status: "False", lastTransitionTime }] },
    };
    await client.patch(Pods, pod.metadata, patch, {
      type: "application/strategic-merge-patch+json",
      subresource: "status",
    });
    events.warning(pod, "NodeNotReady", "Node is not ready");
  }
}
