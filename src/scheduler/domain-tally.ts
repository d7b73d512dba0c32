import type { NodeChange } from "./rule.ts";
import type { NodeState, PlacedPod, Snapshot } from "./snapshot.ts";

/** What is counted. */
export interface TallyRule {
  readonly topologyKey: string;
  /** How much a pod counts; 0 when it does not. */
  readonly weigh: (placed: PlacedPod) => number;
  /** Whether what is on the node is counted; all nodes when left out. */
  readonly includes?: (node: NodeState) => boolean;
}

/**
 * A number for each domain of a topology, for each value that nodes have under its key: how many pods of some kind are
 * there. Pods that come and go are added and taken away; all are counted again only when nodes or their labels change.
 */
export class DomainTally {
  readonly topologyKey: string;
  readonly #rule: TallyRule;
  readonly #snapshot: Snapshot;
  readonly #domains = new Map<string, number>();
  #total = 0;
  #layoutNumber = -1;
  #podNumber = -1;

  constructor(rule: TallyRule, snapshot: Snapshot) {
    this.topologyKey = rule.topologyKey;
    this.#rule = rule;
    this.#snapshot = snapshot;
  }

  /** Whether nothing is counted anywhere. */
  get isEmpty(): boolean {
    return this.#total === 0;
  }

  /** How many domains the nodes have that count. */
  get domainCount(): number {
    return this.#domains.size;
  }

  /** The lowest number of any domain; Infinity when there is none. */
  get fewest(): number {
    let fewest = Number.POSITIVE_INFINITY;
    for (const count of this.#domains.values()) if (count < fewest) fewest = count;
    return fewest;
  }

  /** The number of the domain that the node is in; 0 when it is in none. */
  at(node: NodeState): number {
    const domain = node.label(this.topologyKey);
    return domain === undefined ? 0 : (this.#domains.get(domain) ?? 0);
  }

  /** Takes in what changed in the snapshot. */
  update(): void {
    const { layoutNumber, podChanges } = this.#snapshot;
    const changes = layoutNumber === this.#layoutNumber ? podChanges.since(this.#podNumber) : undefined;
    if (changes) for (const { placed, node, sign } of changes) this.#count(placed, node, sign);
    else this.#recount();
    this.#layoutNumber = layoutNumber;
    this.#podNumber = podChanges.number;
  }

  /** What `verdict` says if the node were changed. */
  with<T>(node: NodeState, { added, removed }: NodeChange, verdict: () => T): T {
    for (const placed of added) this.#count(placed, node, 1);
    for (const placed of removed) this.#count(placed, node, -1);
    try {
      return verdict();
    } finally {
      for (const placed of added) this.#count(placed, node, -1);
      for (const placed of removed) this.#count(placed, node, 1);
    }
  }

  #recount(): void {
    this.#domains.clear();
    this.#total = 0;
    for (const node of this.#snapshot.nodes) {
      const domain = node.label(this.topologyKey);
      if (domain === undefined || this.#rule.includes?.(node) === false) continue;
      let count = 0;
      for (const placed of node.pods.values()) count += this.#rule.weigh(placed);
      this.#domains.set(domain, (this.#domains.get(domain) ?? 0) + count);
      this.#total += count;
    }
  }

  #count(placed: PlacedPod, node: NodeState, sign: 1 | -1): void {
    const weight = this.#rule.weigh(placed);
    if (weight === 0 || node.index < 0) return;
    const domain = node.label(this.topologyKey);
    if (domain === undefined || this.#rule.includes?.(node) === false) return;
    this.#domains.set(domain, (this.#domains.get(domain) ?? 0) + sign * weight);
    this.#total += sign * weight;
  }
}

/** The tallies that are kept; more than a burst of templates with such constraints needs. */
const talliesMax = 512;

/** Keeps the tallies that were used last, by what they count. */
export class DomainTallies {
  readonly #snapshot: Snapshot;
  readonly #tallies = new Map<string, DomainTally>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  /** The tally named `key`, up to date; `rule` tells what it counts, the same for the same key. */
  of(key: string, rule: () => TallyRule): DomainTally {
    const tally = this.#tallies.get(key) ?? new DomainTally(rule(), this.#snapshot);
    // A map keeps the order of insertion: the first is the one that was not used for longest.
    this.#tallies.delete(key);
    this.#tallies.set(key, tally);
    if (this.#tallies.size > talliesMax) {
      for (const longestUnused of this.#tallies.keys()) {
        this.#tallies.delete(longestUnused);
        break;
      }
    }
    tally.update();
    return tally;
  }
}

/** What `verdict` says if the node were changed, as far as these tallies count it. */
export function withChange<T>(
  tallies: readonly DomainTally[],
  node: NodeState,
  change: NodeChange | undefined,
  verdict: () => T,
): T {
  if (change === undefined) return verdict();
  const [first, ...rest] = tallies;
  return first === undefined ? verdict() : first.with(node, change, () => withChange(rest, node, change, verdict));
}

/** Whether the node has a value for every topology. */
export function isInTopologies(node: NodeState, constraints: readonly { readonly topologyKey: string }[]): boolean {
  return constraints.every(({ topologyKey }) => node.label(topologyKey) !== undefined);
}
