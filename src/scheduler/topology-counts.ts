import type { Pod } from "../api/index.ts";
import type { SpreadConstraint } from "./pod-terms.ts";
import type { NodeState, Snapshot } from "./snapshot.ts";

/** A number for each domain of a topology: for each value that nodes have under the topology's key. */
export class TopologyCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  /** Adds to the domain that the node is in; nothing when it is in none. */
  add(topologyKey: string, node: NodeState, amount: number): void {
    const value = node.node.metadata.labels?.[topologyKey];
    if (value === undefined) return;
    const domains = this.#counts.getOrInsertComputed(topologyKey, () => new Map());
    domains.set(value, (domains.get(value) ?? 0) + amount);
  }

  /** The number of the domain that the node is in; 0 when it is in none. */
  at(topologyKey: string, node: NodeState): number {
    const value = node.node.metadata.labels?.[topologyKey];
    return value === undefined ? 0 : (this.#counts.get(topologyKey)?.get(value) ?? 0);
  }

  /** The sum over all topologies. */
  sumAt(node: NodeState): number {
    let sum = 0;
    for (const topologyKey of this.#counts.keys()) sum += this.at(topologyKey, node);
    return sum;
  }

  /** The numbers of all domains of a topology. */
  of(topologyKey: string): readonly number[] {
    return [...(this.#counts.get(topologyKey)?.values() ?? [])];
  }
}

/** Whether the node has a value for every topology. */
export function isInTopologies(node: NodeState, constraints: readonly { readonly topologyKey: string }[]): boolean {
  const labels = node.node.metadata.labels ?? {};
  return constraints.every(({ topologyKey }) => Object.hasOwn(labels, topologyKey));
}

/** How many pods on the node a constraint of `pod` is about; those on their way out are not counted. */
export function countSelected(node: NodeState, constraint: SpreadConstraint, pod: Pod): number {
  let count = 0;
  for (const { pod: placed } of node.pods.values()) {
    const { namespace, deletionTimestamp, labels } = placed.metadata;
    if (deletionTimestamp === undefined && namespace === pod.metadata.namespace && constraint.selects(labels)) count++;
  }
  return count;
}

/** For each constraint, how many pods it is about are in each domain of the nodes that it includes. */
export function spreadCounts(
  constraints: readonly SpreadConstraint[],
  pod: Pod,
  { nodes }: Snapshot,
): readonly TopologyCounts[] {
  const counts = constraints.map(() => new TopologyCounts());
  for (const node of nodes) {
    if (!isInTopologies(node, constraints)) continue;
    for (const [i, constraint] of constraints.entries()) {
      if (!constraint.includes(node.node)) continue;
      counts[i]!.add(constraint.topologyKey, node, countSelected(node, constraint, pod));
    }
  }
  return counts;
}
