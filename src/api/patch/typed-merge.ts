// Merging a configuration into an object, and taking fields out of one: sigs.k8s.io/structured-merge-diff/v6/typed.
// What stays as it was is the very same value, so that what follows need not look into it.
import { deepEqual } from "../../lib/index.ts";
import { isObject, type JsonObject } from "../schema/index.ts";
import { fieldOf, setField } from "../schema/json-value.ts";
import { type FieldSet, fieldElement, isEmptySet, step } from "./field-set.ts";
import {
  anyType,
  aspectOf,
  type FieldType,
  isEmptyList,
  isEmptyMap,
  type ListType,
  type MapType,
} from "./field-type.ts";

/** The live value with what the configuration says; nothing goes. The result shares parts with both. */
export function mergeTyped(live: unknown, config: unknown, type: FieldType): unknown {
  if (config === undefined || config === live) return live;
  if (live === undefined) return config;
  const aspect = aspectOf(config, type);
  if (aspect === "map" && !type.map!.isAtomic && !(isEmptyMap(live) && isEmptyMap(config)))
    return mergeMaps(live, config, type.map!);
  if (aspect === "list" && !type.list!.isAtomic && !(isEmptyList(live) && isEmptyList(config)))
    return mergeLists(live, config, type.list!);
  return deepEqual(live, config) ? live : config;
}

function mergeMaps(live: unknown, config: unknown, type: MapType): unknown {
  // A configuration of null wants nothing of a map; what is no map on the live side has nothing to keep.
  if (!isObject(config)) return live;
  if (!isObject(live)) return config;
  let merged: Record<string, unknown> | undefined;
  for (const name of Object.keys(config)) {
    const before = fieldOf(live, name);
    const after = mergeTyped(before, config[name], type.partOf(name).type);
    if (after === before) continue;
    merged ??= { ...live };
    setField(merged, name, after);
  }
  return merged ?? live;
}

function mergeLists(live: unknown, config: unknown, type: ListType): unknown {
  if (!Array.isArray(config)) return live;
  if (!Array.isArray(live)) return config;
  // Most lists are as they were: to see that takes less than to find the identities of their items.
  if (deepEqual(live, config)) return live;
  const before = live.map(type.elementOf);
  const applied = config.map(type.elementOf);
  if (live.length === config.length && before.every((element, index) => element === applied[index])) {
    const merged = config.map((item, index) => mergeTyped(live[index], item, type.item));
    return sameItems(merged, live) ? live : merged;
  }
  const liveItems = new Map<string | undefined, unknown>();
  // Items that stand twice are not merged with: the configuration's takes their place.
  for (const [index, element] of before.entries())
    liveItems.set(element, liveItems.has(element) ? undefined : live[index]);
  const configItems = new Map(applied.map((element, index) => [element, config[index]]));
  const merged = mergedOrder(before, applied).map((place) =>
    "live" in place
      ? live[place.live]
      : mergeTyped(liveItems.get(applied[place.config]), configItems.get(applied[place.config]), type.item),
  );
  return sameItems(merged, live) ? live : merged;
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

type Place = { readonly live: number } | { readonly config: number };

/** Both lists in one: the order of the configuration wins, what only the live list has keeps its place. */
function mergedOrder(live: readonly (string | undefined)[], applied: readonly (string | undefined)[]): Place[] {
  const inLive = new Set(live);
  const inApplied = new Set(applied);
  const shared = applied.filter((element) => inLive.has(element));
  const merged = new Set<string | undefined>();
  const result: Place[] = [];
  let nextShared = 0;
  let l = 0;
  let r = 0;
  while (l < live.length || r < applied.length) {
    if (l < live.length && r < applied.length && live[l] === applied[r]) {
      merged.add(live[l]);
      result.push({ config: r });
      l++;
      r++;
      nextShared++;
      continue;
    }
    if (l < live.length) {
      const isShared = inApplied.has(live[l]);
      const isTurn = nextShared >= shared.length || shared[nextShared] === live[l];
      if (r < applied.length && isShared && !isTurn) {
        l++;
        continue;
      }
      if (!isShared) {
        result.push({ live: l++ });
        continue;
      }
      if (merged.has(live[l])) l++;
    }
    if (r < applied.length) {
      merged.add(applied[r]);
      result.push({ config: r });
      if (nextShared < shared.length && shared[nextShared] === applied[r]) nextShared++;
      r++;
    }
  }
  return result;
}

/** The value without the fields of the set; undefined when nothing of it is left. */
export function withoutFields(value: unknown, set: FieldSet, type: FieldType): unknown {
  const aspect = aspectOf(value, type);
  if (aspect === "list" && Array.isArray(value) && !type.list!.isAtomic) return withoutItems(value, set, type.list!);
  if (aspect !== "map" || !isObject(value) || type.map!.isAtomic) return value;
  const kept: [string, unknown][] = [];
  for (const [name, each] of Object.entries(value)) {
    const { has, below } = step(set, fieldElement(name));
    if (has) continue;
    const rest = below ? withoutFields(each, below, type.map!.partOf(name).type) : each;
    if (rest !== undefined) kept.push([name, rest]);
  }
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function withoutItems(list: readonly unknown[], set: FieldSet, type: ListType): unknown {
  const kept: unknown[] = [];
  for (const item of list) {
    const element = type.elementOf(item);
    const { has, below } = element === undefined ? { has: false, below: undefined } : step(set, element);
    if (!has) kept.push(below ? withoutFields(item, below, type.item) : item);
  }
  return kept.length === 0 ? undefined : kept;
}

/** The set in which every struct field that holds others counts as a member, so that emptied structs go with their fields. */
export function withNamedFields(set: FieldSet, type: FieldType): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const [element, below] of Object.entries(set)) {
    if (element === ".") {
      result[element] = below;
      continue;
    }
    const part = element.startsWith("f:") ? type.map?.partOf(element.slice(2)) : undefined;
    const child = withNamedFields(below, part?.type ?? type.list?.item ?? anyType);
    result[element] = part?.isNamed && !isEmptySet(child) ? { ".": {}, ...child } : child;
  }
  return result;
}

/** An object of a merge; what is none is empty. */
export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}
