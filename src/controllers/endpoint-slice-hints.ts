// Which endpoint is for which zone or node, as a Service wishes: k8s.io/endpointslice/trafficdist for
// spec.trafficDistribution, k8s.io/endpointslice/topologycache for the annotation.
import {
  type Endpoint,
  type EndpointHints,
  isNodeReady,
  type Node,
  quantityMilliValue,
  type Service,
  topologyHintsAnnotation,
  topologyModeAnnotation,
  zoneLabel,
} from "../api/index.ts";

const distributions = ["PreferClose", "PreferSameZone", "PreferSameNode"];
/** Nodes that have one of these serve nothing. */
const excludedLabels = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];
/** How much more than its share an endpoint may have to bear. */
const overload = 0.2;

/** Whether the endpoints are to be shared out to zones by how much processor each zone has. */
export function sharesByZone({ metadata: { annotations = {} } }: Service): boolean {
  const mode = annotations[topologyHintsAnnotation] ?? annotations[topologyModeAnnotation];
  return mode === "Auto" || mode === "auto";
}

/** By trafficDistribution: each ready endpoint is for its own zone, and for its own node where that is asked for. */
export function nearHints({ spec }: Service, { conditions, zone, nodeName }: Endpoint): EndpointHints | undefined {
  const distribution = spec.trafficDistribution ?? "";
  if (conditions?.ready !== true || !distributions.includes(distribution)) return undefined;
  const forNode = distribution === "PreferSameNode" ? nodeName : undefined;
  if (zone === undefined && forNode === undefined) return undefined;
  return {
    ...(zone === undefined ? {} : { forZones: [{ name: zone }] }),
    ...(forNode === undefined ? {} : { forNodes: [{ name: forNode }] }),
  };
}

/** How much of all processors each zone has; undefined where that cannot be told, or there are no two zones. */
export type ZoneShares = ReadonlyMap<string, number> | undefined;

/** What of a node the shares depend on: the same text, the same shares. Empty when it has no part in them. */
function zoneFacts(node: Node): string {
  const { labels = {} } = node.metadata;
  if (!isNodeReady(node) || excludedLabels.some((label) => labels[label] !== undefined)) return "";
  return `${labels[zoneLabel] ?? ""} ${node.status.allocatable?.cpu ?? "0"}`;
}

/** What the shares depend on, kept up as nodes come, change and go: the nodes of a cluster are of few sorts. */
export class ZoneTally {
  readonly #factsOf = new Map<string, string>();
  /** How many nodes there are of each sort. */
  readonly #nodes = new Map<string, number>();

  /** Takes in a node as it is now; undefined when it is gone. Returns whether the shares may be others. */
  note(name: string, node: Node | undefined): boolean {
    const before = this.#factsOf.get(name) ?? "";
    const facts = node ? zoneFacts(node) : "";
    if (facts === before) return false;
    this.#count(before, -1);
    this.#count(facts, 1);
    if (facts === "") this.#factsOf.delete(name);
    else this.#factsOf.set(name, facts);
    return true;
  }

  get shares(): ZoneShares {
    const byZone = new Map<string, number>();
    let total = 0;
    for (const [facts, nodes] of this.#nodes) {
      const [zone = "", cpu = "0"] = facts.split(" ");
      const amount = nodes * quantityMilliValue(cpu);
      if (zone === "" || amount === 0) return undefined;
      byZone.set(zone, (byZone.get(zone) ?? 0) + amount);
      total += amount;
    }
    return byZone.size < 2 ? undefined : new Map([...byZone].map(([zone, amount]) => [zone, amount / total]));
  }

  #count(facts: string, more: number): void {
    if (facts === "") return;
    const nodes = (this.#nodes.get(facts) ?? 0) + more;
    if (nodes === 0) this.#nodes.delete(facts);
    else this.#nodes.set(facts, nodes);
  }
}

interface Allocation {
  readonly min: number;
  readonly max: number;
  readonly desired: number;
}

/**
 * The zone of each ready endpoint, by its index; or the sentence that says why there are no hints. `before` is the zone
 * that an endpoint is for already: it stays where that is still fair, for every change goes to all nodes.
 */
export function zonesInShares(
  endpoints: readonly Endpoint[],
  shares: ZoneShares,
  before: (endpoint: Endpoint) => string | undefined,
): ReadonlyMap<number, string> | string {
  const ready = [...endpoints.entries()].filter(([, { conditions }]) => conditions?.ready === true);
  const allocations = allocate(ready.length, shares);
  if (typeof allocations === "string") return allocations;
  if (ready.some(([, { zone = "" }]) => zone === "")) return "One or more endpoints do not have a zone specified";
  const zones = new Map<number, string>();
  const counts = new Map<string, number>();
  const put = (index: number, zone: string) => {
    const old = zones.get(index);
    if (old !== undefined) counts.set(old, (counts.get(old) ?? 0) - 1);
    zones.set(index, zone);
    counts.set(zone, (counts.get(zone) ?? 0) + 1);
  };
  for (const [index, endpoint] of ready) {
    const old = before(endpoint);
    const stays = old !== undefined && (counts.get(old) ?? 0) < (allocations.get(old)?.max ?? 0);
    put(index, stays ? old : (endpoint.zone ?? ""));
  }
  const { givers, takers } = exchange(allocations, counts);
  for (const [index] of ready) {
    const from = zones.get(index) ?? "";
    const to = [...takers].find(([, count]) => count > 0)?.[0];
    if (to === undefined || (givers.get(from) ?? 0) === 0) continue;
    put(index, to);
    givers.set(from, (givers.get(from) ?? 0) - 1);
    takers.set(to, (takers.get(to) ?? 0) - 1);
  }
  return zones;
}

/** How ready endpoints were shared out: to these zones, by their index, or not at all and why. */
export interface SharedOut {
  readonly ready: number;
  readonly zones: ReadonlyMap<number, string> | string;
}

/** Whether the endpoints can stay for the zones that they are for, now that zones have other shares. */
export function isStillFair({ ready, zones }: SharedOut, shares: ZoneShares): boolean {
  const allocations = allocate(ready, shares);
  if (typeof allocations === "string" || typeof zones === "string") return allocations === zones;
  const counts = new Map([...allocations.keys()].map((zone) => [zone, 0]));
  for (const zone of zones.values()) counts.set(zone, (counts.get(zone) ?? 0) + 1);
  return [...counts].every(([zone, count]) => {
    const allocation = allocations.get(zone);
    return allocation !== undefined && allocation.min <= count && count <= allocation.max;
  });
}

function allocate(count: number, shares: ZoneShares): ReadonlyMap<string, Allocation> | string {
  if (!shares) return "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes";
  const numbers = `(${count} endpoints, ${shares.size} zones)`;
  if (shares.size > count) return `Insufficient number of endpoints ${numbers}`;
  const minima = [...shares].map(
    ([zone, share]) => [zone, share * count, Math.ceil((share * count) / (1 + overload))] as const,
  );
  const sum = minima.reduce((total, [, , min]) => total + min, 0);
  if (sum > count)
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${numbers}`;
  return new Map(
    minima.map(([zone, desired, min]) => [zone, { min, max: min + count - sum, desired: Math.max(desired, min) }]),
  );
}

/** How many endpoints each zone gives to others, and gets from them. */
function exchange(allocations: ReadonlyMap<string, Allocation>, counts: ReadonlyMap<string, number>) {
  const surplus = new Map<string, number>();
  const need = new Map<string, number>();
  for (const zone of new Set([...allocations.keys(), ...counts.keys()])) {
    // A zone without nodes of its own gives all that it has.
    const difference = (counts.get(zone) ?? 0) - (allocations.get(zone)?.desired ?? 0);
    if (difference > 0) surplus.set(zone, difference);
    else if (difference < 0) need.set(zone, -difference);
  }
  const givers = new Map<string, number>();
  const takers = new Map<string, number>();
  for (;;) {
    const [giver, left] = most(surplus);
    const [taker, missing] = most(need);
    if ((left < 1 && missing < 1) || left < 0.5 || missing < 0.5) return { givers, takers };
    givers.set(giver, (givers.get(giver) ?? 0) + 1);
    surplus.set(giver, left - 1);
    takers.set(taker, (takers.get(taker) ?? 0) + 1);
    need.set(taker, missing - 1);
  }
}

function most(amounts: ReadonlyMap<string, number>): readonly [string, number] {
  return [...amounts].reduce((best, each) => (each[1] > best[1] ? each : best), ["", 0] as const);
}
