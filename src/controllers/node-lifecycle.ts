// Notices nodes that fall silent, and keeps pods away from nodes that are not well.
// https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller
import {
  Leases,
  type Node,
  Nodes,
  notReadyTaint,
  Pods,
  podCondition,
  type Taint,
  unreachableTaint,
} from "../api/index.ts";
import { also, type Cache, defineController, type ReconcileContext } from "../client/index.ts";
import { type CounterFamily, deepEqual, MetricRegistry, timestamp } from "../lib/index.ts";
import { nodeCondition, readinessOf, silentConditions, wantedTaints } from "./node-conditions.ts";
import { EvictionTurns, NodeZones, zoneOf } from "./node-zones.ts";
import { podsByNode } from "./pods-by-node.ts";

/** kube-controller-manager's --node-monitor-grace-period, since v1.32. */
const graceMsDefault = 50_000;
/** --node-startup-grace-period, for nodes that have never reported. */
const startupGraceMs = 60_000;
const leaseNamespace = "kube-node-lease";

/** What was last heard of a node, and when by this process's clock: the clocks of nodes need not agree with it. */
interface Heard {
  readonly sign: string;
  readonly atMs: number;
  readonly readiness: string;
  /** As it was then, for what is said of it when it is gone. */
  readonly node: Node;
}

/** `graceMs` is how long a node may be silent: several renewals of its lease. `metrics` is where zones are counted. */
export function nodeLifecycleController(graceMs = graceMsDefault, metrics = new MetricRegistry()) {
  const monitor = new NodeMonitor(graceMs, metrics);
  return defineController({
    name: "node-lifecycle-controller",
    recordsAs: "node-controller",
    watches: {
      for: Nodes,
      also: [
        also(Nodes, ({ metadata: { name } }, cache) => monitor.zones.note(name, cache.get(Nodes, name))),
        also(Leases, ({ metadata }) => (metadata.namespace === leaseNamespace ? [metadata.name] : [])),
      ],
    },
    indexes: [podsByNode],
    start: (_, enqueue) => monitor.start(enqueue),
    reconcile: (context, name) => monitor.reconcile(context, name),
  });
}

class NodeMonitor {
  readonly zones = new NodeZones();
  readonly #graceMs: number;
  readonly #evictions: CounterFamily;
  readonly #heard = new Map<string, Heard>();
  readonly #turns = new EvictionTurns();
  #enqueue: (name: string) => void = () => {};

  start(enqueue: (name: string) => void): void {
    this.#enqueue = enqueue;
  }

  constructor(graceMs: number, metrics: MetricRegistry) {
    this.#graceMs = graceMs;
    this.#evictions = metrics.counter({
      name: "node_collector_evictions_total",
      help: "Nodes whose pods were to be driven away.",
      labels: ["zone"],
    });
    observeZones(metrics, this.zones);
  }

  async reconcile(context: ReconcileContext, name: string) {
    const { cache, clock, events } = context;
    const node = cache.get(Nodes, name);
    if (!node) {
      const gone = this.#heard.get(name)?.node;
      if (gone) events.normal(gone, "RemovingNode", `Node ${name} event: Removing Node ${name} from Controller`);
      this.#heard.delete(name);
      this.#leave(name);
      return;
    }
    if (!this.#heard.has(name)) {
      events.normal(node, "RegisteredNode", `Node ${name} event: Registered Node ${name} in Controller`);
    }
    const heard = this.#hear(node, cache, clock.monotonicMs());
    const grace = nodeCondition(node, "Ready") ? this.#graceMs : startupGraceMs;
    const leftMs = heard.atMs + grace - clock.monotonicMs();
    // What follows from it is done when it is seen, by this node's zone too.
    if (leftMs <= 0 && (await markSilent(context, node))) return;
    await labelAsBefore(context, node);
    await this.#followReadiness(context, node, heard.readiness);
    const evictAfterMs = await this.#taint(context, node);
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
    const heard = { sign, atMs: nowMs, readiness: before?.readiness ?? readinessOf(node), node };
    this.#heard.set(name, heard);
    return heard;
  }

  /**
   * When a node falls silent, its pods are not ready, so that nobody sends them requests. One that says itself that it is
   * not ready says the same of its pods, as far as it is so.
   */
  async #followReadiness(context: ReconcileContext, node: Node, before: string): Promise<void> {
    const { name } = node.metadata;
    const readiness = readinessOf(node);
    if (nodeCondition(node, "Ready")?.status === "Unknown") {
      await markPodsNotReady(context, name);
      if (before === "True") {
        context.events.normal(node, "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
      }
    }
    const heard = this.#heard.get(name);
    if (heard && heard.readiness !== readiness) this.#heard.set(name, { ...heard, readiness });
  }

  /** Brings the taints up to date. Returns after what time the node's pods may be driven away; 0 when nothing waits. */
  async #taint({ client, clock }: ReconcileContext, node: Node): Promise<number> {
    const { name, resourceVersion } = node.metadata;
    const waitMs = this.#evictionWaitMs(node, clock.monotonicMs());
    const taints = wantedTaints(node, waitMs === 0, clock.now());
    if (!deepEqual(taints, node.spec.taints ?? [])) {
      const spec = { taints: taints.length === 0 ? null : taints };
      await client.patch(Nodes, node.metadata, { metadata: { resourceVersion }, spec });
      if (drivesAway(taints) && !drivesAway(node.spec.taints)) this.#evictions.with(zoneOf(node)).add();
    }
    // Whoever has had its turn, or needs none any more, lets the next one come; so does a taint that is there.
    if (waitMs === 0 || readinessOf(node) === "True") this.#leave(name);
    return waitMs ?? 0;
  }

  /** After what time the node's pods may be driven away; 0: now. Undefined where they stay, or others come first. */
  #evictionWaitMs(node: Node, nowMs: number): number | undefined {
    if (readinessOf(node) === "True") return undefined;
    const zone = zoneOf(node);
    const intervalMs = this.zones.evictionIntervalMs(zone);
    if (intervalMs === undefined) return undefined;
    return drivesAway(node.spec.taints) ? 0 : this.#turns.wait(zone, node.metadata.name, intervalMs, nowMs);
  }

  #leave(name: string): void {
    const next = this.#turns.leave(name);
    if (next !== undefined) this.#enqueue(next);
  }
}

/** Whether a taint of this controller drives pods away. */
function drivesAway(taints: readonly Taint[] = []): boolean {
  return taints.some(
    ({ effect, key }) => effect === "NoExecute" && (key === notReadyTaint || key === unreachableTaint),
  );
}

function observeZones(metrics: MetricRegistry, zones: NodeZones): void {
  const gauge = (name: string, help: string) => metrics.gauge({ name, help, labels: ["zone"] });
  const size = gauge("node_collector_zone_size", "Nodes of the zone.");
  const health = gauge("node_collector_zone_health", "Nodes of the zone that are ready, in percent.");
  const unhealthy = gauge("node_collector_unhealthy_nodes_in_zone", "Nodes of the zone that are not ready.");
  metrics.onScrape(() => {
    for (const each of [size, health, unhealthy]) each.clear();
    for (const { zone, nodes, ready } of zones.sizes()) {
      size.with(zone).value = nodes;
      health.with(zone).value = (100 * ready) / nodes;
      unhealthy.with(zone).value = nodes - ready;
    }
  });
}

/** The labels that have other names now; who selects by the former ones still finds what the present ones say. */
const formerLabels: readonly (readonly [present: string, former: string])[] = [
  ["kubernetes.io/os", "beta.kubernetes.io/os"],
  ["kubernetes.io/arch", "beta.kubernetes.io/arch"],
];

/** The former labels that the node lacks, or that say something else than the present ones. */
function staleLabels({ metadata: { labels = {} } }: Node): Readonly<Record<string, string>> {
  const stale: Record<string, string> = {};
  for (const [present, former] of formerLabels) {
    const value = labels[present];
    if (value !== undefined && labels[former] !== value) stale[former] = value;
  }
  return stale;
}

async function labelAsBefore({ client }: ReconcileContext, node: Node): Promise<void> {
  const labels = staleLabels(node);
  if (Object.keys(labels).length > 0) await client.patch(Nodes, node.metadata, { metadata: { labels } });
}

/** Says that nothing is known of the node; false when that was said before. */
async function markSilent({ client, clock }: ReconcileContext, node: Node): Promise<boolean> {
  const conditions = silentConditions(node, clock.now());
  if (deepEqual(conditions, node.status.conditions)) return false;
  await client.update(Nodes, { ...node, status: { ...node.status, conditions } }, { subresource: "status" });
  return true;
}

async function markPodsNotReady({ client, cache, clock, events }: ReconcileContext, nodeName: string): Promise<void> {
  for (const pod of cache.byIndex(Pods, podsByNode.name, nodeName)) {
    const ready = podCondition(pod, "Ready");
    if (!ready || ready.status === "False") continue;
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
