// What rules would add to others: pkg/registry/rbac/validation/policy_comparator.go says how Kubernetes compares.

import type { PolicyRule } from "../../api/index.ts";

/** Enough to see what is wrong; a rule of a few kilobytes stands for millions. */
const missingMax = 10_000;
/** Looks at owned rules in one comparison, a second's worth: without a bound a role of a megabyte would take hours. */
const looksMax = 20_000_000;

/** The rules are so many and so different that nobody can compare them. */
export class TooManyRules extends Error {}

/** Owned rules, by their indexes. */
type Ids = readonly number[];
type IdSet = ReadonlySet<number>;

/**
 * The rules among `wanted`, each cut down to a single right, that `owned` does not hold: what granting them would add, or
 * the first of it. Throws TooManyRules when that takes too long to tell.
 */
export function uncoveredRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return new Comparison(owned).missingOf(wanted);
}

/** One of the lists of a rule: its values with the owned rules that hold each, in parts. */
interface Axis {
  readonly field: keyof PolicyRule;
  readonly values: readonly (readonly [value: string, holders: readonly IdSet[]])[];
  /** How many holders all its values have together. */
  readonly size: number;
}

/** The owned rules filed by what stands in their lists, so that no wanted value is compared with each of them. */
class Comparison {
  readonly #verbs: Index;
  readonly #apiGroups: Index;
  readonly #resources: Index;
  readonly #names: Index;
  readonly #paths: Index;
  /** The rules that are about objects of any name. */
  readonly #ofAllNames: IdSet;
  /** The lengths of the paths that end with a star, without it. */
  readonly #pathLengths: readonly number[];
  readonly #missing: PolicyRule[] = [];
  #looksLeft = looksMax;

  constructor(owned: readonly PolicyRule[]) {
    const lists = (field: "verbs" | "apiGroups" | "resources" | "resourceNames") => owned.map((rule) => rule[field]);
    this.#verbs = indexOf(lists("verbs"));
    this.#apiGroups = indexOf(lists("apiGroups"));
    this.#resources = indexOf(lists("resources"));
    this.#names = indexOf(lists("resourceNames"));
    this.#ofAllNames = new Set(owned.keys().filter((id) => !owned[id]!.resourceNames?.length));
    // However many stars end a path, it is all below it.
    const paths = owned.map(({ nonResourceURLs }) => nonResourceURLs?.map((path) => path.replace(/\*+$/, "*")));
    this.#paths = indexOf(paths);
    const open = [...this.#paths.keys()].filter((path) => path.endsWith("*"));
    this.#pathLengths = [...new Set(open.map((path) => path.length - 1))];
  }

  missingOf(wanted: readonly PolicyRule[]): PolicyRule[] {
    for (const { verbs, apiGroups, resources, nonResourceURLs, resourceNames = [] } of wanted) {
      const ofVerbs = axis("verbs", verbs, (verb) => some(this.#verbs, verb, "*"));
      const ofGroups = axis("apiGroups", apiGroups, (group) => some(this.#apiGroups, group, "*"));
      const ofResources = axis("resources", resources, (resource) => some(this.#resources, ...resourceForms(resource)));
      // Who holds a right to some names alone does not hold it to all of them.
      const ofNames =
        resourceNames.length > 0 && axis("resourceNames", resourceNames, (name) => this.#holdersOfName(name));
      if (ofNames) this.#collect([ofGroups, ofResources, ofVerbs, ofNames]);
      else this.#collect([ofGroups, ofResources, ofVerbs], this.#ofAllNames);
      const ofPaths = axis("nonResourceURLs", nonResourceURLs, (path) => some(this.#paths, ...this.#pathForms(path)));
      this.#collect([ofPaths, ofVerbs]);
    }
    return this.#missing;
  }

  #holdersOfName(name: string): readonly IdSet[] {
    return [this.#ofAllNames, ...some(this.#names, name)];
  }

  #pathForms(path: string): string[] {
    const lengths = this.#pathLengths.filter((length) => length <= path.length);
    return [path, ...lengths.map((length) => `${path.slice(0, length)}*`)];
  }

  /** Adds the combinations of one value of each axis that none of the rules, or of these alone, holds. */
  #collect(unordered: readonly Axis[], only?: IdSet): void {
    if (unordered.some(({ values }) => values.length === 0)) return;
    // What few rules hold leaves the fewest to look at.
    const axes = unordered.toSorted((a, b) => a.size - b.size);
    const held = new Set<string>();
    const collect = (left: Ids | undefined, at: number, right: Partial<PolicyRule>): void => {
      const { field, values } = axes[at] ?? {};
      if (!field || !values) {
        if (left?.length === 0) this.#missing.push(right as PolicyRule); // every axis has given its field
        return;
      }
      // Which rules are left decides about the other axes, so each such choice is looked through once.
      const choice = left && `${at} ${left}`;
      if (choice !== undefined && held.has(choice)) return;
      if (left && this.#isOneEnough(left, axes.slice(at))) return;
      const before = this.#missing.length;
      for (const [value, holders] of values) {
        if (this.#missing.length >= missingMax) return;
        const holding = left ? this.#holding(left, holders) : this.#allHolding(holders, only);
        collect(holding, at + 1, { ...right, [field]: [value] });
      }
      if (choice !== undefined && this.#missing.length === before) held.add(choice);
    };
    collect(undefined, 0, {});
  }

  /** Whether one of the rules holds all values of the axes. */
  #isOneEnough(rules: Ids, axes: readonly Axis[]): boolean {
    let left = rules;
    for (const { values } of axes)
      for (const [, holders] of values) {
        left = this.#holding(left, holders);
        if (left.length === 0) return false;
      }
    return true;
  }

  /** Those of the rules that are among the holders. */
  #holding(rules: Ids, holders: readonly IdSet[]): Ids {
    this.#look(1 + rules.length);
    return rules.filter((id) => holders.some((each) => each.has(id)));
  }

  #allHolding(holders: readonly IdSet[], only: IdSet | undefined): Ids {
    const all = new Set<number>();
    for (const each of holders) {
      this.#look(1 + each.size);
      for (const id of each) if (!only || only.has(id)) all.add(id);
    }
    return [...all].sort((a, b) => a - b);
  }

  #look(count: number): void {
    this.#looksLeft -= count;
    if (this.#looksLeft < 0) throw new TooManyRules();
  }
}

/** The rules in whose list a value stands. */
type Index = ReadonlyMap<string, IdSet>;

function indexOf(lists: readonly (readonly string[] | undefined)[]): Index {
  const index = new Map<string, Set<number>>();
  for (const [id, list = []] of lists.entries())
    for (const value of list) index.getOrInsertComputed(value, () => new Set()).add(id);
  return index;
}

function some(index: Index, ...values: readonly string[]): IdSet[] {
  return values.flatMap((value) => index.get(value) ?? []);
}

function axis(
  field: keyof PolicyRule,
  wanted: readonly string[] = [],
  holdersOf: (value: string) => readonly IdSet[],
): Axis {
  const values = [...new Set(wanted)].map((value) => [value, holdersOf(value)] as const);
  const size = values.reduce((sum, [, holders]) => holders.reduce((all, each) => all + each.size, sum), 0);
  return { field, values, size };
}

/** What holds a resource: itself, all, or that subresource of all. */
function resourceForms(resource: string): string[] {
  const slash = resource.indexOf("/");
  return slash < 0 ? [resource, "*"] : [resource, "*", `*/${resource.slice(slash + 1)}`];
}
