// The rules as values, and the nft script that leads from one set to the next in a single transaction.

/** A verdict map or a set of one table. The elements of a dynamic set belong to the kernel and survive every change. */
export interface RuleMap {
  /** What nft wants between the braces: `type …; flags …;`. */
  readonly declaration: string;
  /** From key to value; sets have empty values. */
  readonly elements: ReadonlyMap<string, string>;
  readonly dynamic?: boolean;
  readonly isSet?: boolean;
}

export interface RuleChain {
  /** `type nat hook prerouting priority -100;` for a base chain, empty for one that is jumped to. */
  readonly hook: string;
  readonly rules: readonly string[];
}

export interface RuleSet {
  /** In an order in which every chain stands after those that its rules go to. */
  readonly chains: ReadonlyMap<string, RuleChain>;
  readonly maps: ReadonlyMap<string, RuleMap>;
}

export const noRules: RuleSet = { chains: new Map(), maps: new Map() };

/** The script for `nft -f -` that makes the table hold `next` and nothing else, whatever it held. */
export function replaceScript(table: string, next: RuleSet): string {
  return [
    `add table ip ${table}`,
    `delete table ip ${table}`,
    `add table ip ${table}`,
    ...changes(table, noRules, next),
    "",
  ].join("\n");
}

/** The script for `nft -f -` from `previous` to `next`; empty when nothing changes. */
export function changeScript(table: string, previous: RuleSet, next: RuleSet): string {
  const lines = changes(table, previous, next);
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function changes(table: string, previous: RuleSet, next: RuleSet): string[] {
  const lines: string[] = [];
  const sameChain = (a: RuleChain | undefined, b: RuleChain) =>
    a === b || (a !== undefined && a.hook === b.hook && a.rules.join("\n") === b.rules.join("\n"));
  const keyword = (map: RuleMap) => (map.isSet ? "set" : "map");

  const changed = [...next.chains].filter(([name, chain]) => !sameChain(previous.chains.get(name), chain));
  // Declarations first: rules and elements may name any of them.
  for (const [name, map] of next.maps) {
    if (!previous.maps.has(name)) lines.push(`add ${keyword(map)} ip ${table} ${name} { ${map.declaration} }`);
  }
  for (const [name, chain] of changed) {
    const hook = chain.hook === "" ? "" : ` { ${chain.hook} }`;
    lines.push(`add chain ip ${table} ${name}${hook}`);
    if (previous.chains.has(name)) lines.push(`flush chain ip ${table} ${name}`);
  }
  for (const [name, chain] of changed) {
    for (const rule of chain.rules) lines.push(`add rule ip ${table} ${name} ${rule}`);
  }
  for (const [name, map] of next.maps) {
    if (!map.dynamic) lines.push(...elementChanges(table, name, previous.maps.get(name)?.elements, map.elements));
  }
  for (const [name, map] of previous.maps) {
    if (!next.maps.has(name) && !map.dynamic) lines.push(...elementChanges(table, name, map.elements, new Map()));
  }
  // What goes is emptied before it is deleted: rules of one may name another.
  const goneChains = [...previous.chains.keys()].filter((name) => !next.chains.has(name));
  for (const name of goneChains) lines.push(`flush chain ip ${table} ${name}`);
  for (const name of goneChains) lines.push(`delete chain ip ${table} ${name}`);
  for (const [name, map] of previous.maps) {
    if (!next.maps.has(name)) lines.push(`delete ${keyword(map)} ip ${table} ${name}`);
  }
  return lines;
}

function elementChanges(
  table: string,
  map: string,
  before: ReadonlyMap<string, string> | undefined,
  after: ReadonlyMap<string, string>,
): string[] {
  const gone = [...(before ?? [])].filter(([key, value]) => after.get(key) !== value).map(([key]) => key);
  const come = [...after]
    .filter(([key, value]) => before?.get(key) !== value)
    .map(([key, value]) => (value === "" ? key : `${key} : ${value}`));
  const lines: string[] = [];
  if (gone.length > 0) lines.push(`delete element ip ${table} ${map} { ${gone.join(", ")} }`);
  if (come.length > 0) lines.push(`add element ip ${table} ${map} { ${come.join(", ")} }`);
  return lines;
}
