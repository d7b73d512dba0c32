// How fast the nodes of a zone may be given up, by how much of it is down: handleDisruption and ReducedQPSFunc in
// pkg/controller/nodelifecycle/node_lifecycle_controller.go.
// https://kubernetes.io/docs/concepts/architecture/nodes/#rate-limits-on-eviction
import { type Node, regionLabel, zoneLabel } from "../api/index.ts";
import { nodeCondition } from "./node-conditions.ts";

/** kube-controller-manager's --unhealthy-zone-threshold and --large-cluster-size-threshold. */
const unhealthyThreshold = 0.55;
const largeZoneNodes = 50;
/** --node-eviction-rate is 0.1 and --secondary-node-eviction-rate 0.01: one more node in this time. */
const intervalMs = 10_000;
const secondaryIntervalMs = 100_000;
/** A node with this label says nothing about its zone. */
const excludedLabel = "node.kubernetes.io/exclude-disruption";

interface Zone {
  /** Whether each of its nodes is ready. */
  readonly nodes: Map<string, boolean>;
  ready: number;
}

/** The zones of a cluster, kept up as nodes come, change and go. */
export class NodeZones {
  readonly #zones = new Map<string, Zone>();
  readonly #zoneOfNode = new Map<string, string>();
  /** Zones with at least one node that is ready. While there is none, it is more likely that the network is at fault. */
  #zonesUp = 0;

  /**
   * Takes in a node as it is now; undefined when it is gone. Returns the nodes that are not ready in the zones where
   * another pace holds from now on.
   */
  note(name: string, node: Node | undefined): readonly string[] {
    const ready = node && nodeCondition(node, "Ready");
    const isCounted = ready !== undefined && node?.metadata.labels?.[excludedLabel] === undefined;
    const from = this.#zoneOfNode.get(name);
    const to = node && isCounted ? zoneOf(node) : undefined;
    const touched = [...new Set([from, to])].filter((zone) => zone !== undefined);
    const before = touched.map((zone) => this.evictionIntervalMs(zone));
    const wereAllDown = this.#zonesUp === 0;
    if (from !== undefined) this.#remove(from, name);
    if (to !== undefined) this.#add(to, name, ready?.status === "True");
    if (wereAllDown !== (this.#zonesUp === 0)) return this.#notReady([...this.#zones.keys()]);
    return this.#notReady(touched.filter((zone, at) => this.evictionIntervalMs(zone) !== before[at]));
  }

  /** How much time lies between two nodes of the zone whose pods are driven away; undefined: none are. */
  evictionIntervalMs(name: string): number | undefined {
    const zone = this.#zones.get(name);
    if (this.#zonesUp === 0) return undefined;
    const total = zone?.nodes.size ?? 0;
    const down = total - (zone?.ready ?? 0);
    const isPartlyDown = down < total && down > 2 && down / total >= unhealthyThreshold;
    if (!isPartlyDown) return intervalMs;
    return total > largeZoneNodes ? secondaryIntervalMs : undefined;
  }

  /** How many nodes each zone has, and how many of them are ready. */
  sizes(): readonly { readonly zone: string; readonly nodes: number; readonly ready: number }[] {
    return [...this.#zones].map(([zone, { nodes, ready }]) => ({ zone, nodes: nodes.size, ready }));
  }

  #add(name: string, node: string, isReady: boolean): void {
    const zone = this.#zones.get(name) ?? { nodes: new Map(), ready: 0 };
    this.#zones.set(name, zone);
    this.#zoneOfNode.set(node, name);
    zone.nodes.set(node, isReady);
    if (isReady && zone.ready++ === 0) this.#zonesUp++;
  }

  #remove(name: string, node: string): void {
    const zone = this.#zones.get(name);
    if (zone?.nodes.get(node) && --zone.ready === 0) this.#zonesUp--;
    zone?.nodes.delete(node);
    if (zone?.nodes.size === 0) this.#zones.delete(name);
    this.#zoneOfNode.delete(node);
  }

  #notReady(zones: readonly string[]): readonly string[] {
    const names: string[] = [];
    for (const zone of zones)
      for (const [name, isReady] of this.#zones.get(zone)?.nodes ?? []) if (!isReady) names.push(name);
    return names;
  }
}

/** Region and zone of the node, as one text: that of k8s.io/component-helpers' GetZoneKey, which metrics show. */
export function zoneOf({ metadata }: Node): string {
  const { [regionLabel]: region = "", [zoneLabel]: zone = "" } = metadata.labels ?? {};
  return region === "" && zone === "" ? "" : `${region}:\u0000:${zone}`;
}

/** Who waits in each zone to be given up, in the order in which they came: only the first has a time. */
export class EvictionTurns {
  readonly #waiting = new Map<string, Set<string>>();
  readonly #zoneOfNode = new Map<string, string>();
  /** By zone, when the last node was given up. */
  readonly #lastMs = new Map<string, number>();

  /**
   * After what time it is the node's turn; 0 when it is now, and then somebody else comes next. Undefined while others
   * are before it: the first of them wakes it when that has had its turn, or left.
   */
  wait(zone: string, node: string, intervalMs: number, nowMs: number): number | undefined {
    if (this.#zoneOfNode.get(node) !== zone) this.leave(node);
    const waiting = this.#waiting.get(zone) ?? new Set<string>();
    this.#waiting.set(zone, waiting.add(node));
    this.#zoneOfNode.set(node, zone);
    if (first(waiting) !== node) return undefined;
    const leftMs = (this.#lastMs.get(zone) ?? Number.NEGATIVE_INFINITY) + intervalMs - nowMs;
    if (leftMs > 0) return leftMs;
    this.#lastMs.set(zone, nowMs);
    return 0;
  }

  /** The node waits no more. Returns who is first now, when that has changed. */
  leave(node: string): string | undefined {
    const zone = this.#zoneOfNode.get(node);
    const waiting = zone === undefined ? undefined : this.#waiting.get(zone);
    if (zone === undefined || !waiting) return undefined;
    const wasFirst = first(waiting) === node;
    waiting.delete(node);
    this.#zoneOfNode.delete(node);
    if (waiting.size === 0) this.#waiting.delete(zone);
    return wasFirst ? first(waiting) : undefined;
  }
}

function first(names: ReadonlySet<string>): string | undefined {
  for (const name of names) return name;
  return undefined;
}
