// What a value owns, and how two values differ, as sets of fields: sigs.k8s.io/structured-merge-diff/v6/typed.
import { deepEqual } from "../../lib/index.ts";
import { isObject, type JsonObject } from "../schema/index.ts";
import { fieldOf } from "../schema/json-value.ts";
import { type FieldSet, FieldSetBuilder } from "./field-set.ts";
import {
  type Aspect,
  aspectOf,
  type FieldType,
  isEmptyList,
  isEmptyMap,
  itemsByElement,
  type ListType,
  type MapType,
} from "./field-type.ts";

interface DraftNode {
  [element: string]: FieldSet;
}

const leaf: FieldSet = {};

/** Every leaf that the value has, and every item of its lists. */
export function fieldSetOf(value: unknown, type: FieldType): FieldSet {
  return collect(value, type, false, false) ?? leaf;
}

/** As fieldSetOf, with every object and list that holds something as well: what is added or removed with the value. */
function wholeSetOf(value: unknown, type: FieldType): FieldSet {
  return collect(value, type, true, true) ?? leaf;
}

/** What a new object adds to what its kind has when it holds nothing: what compareValues finds added and modified. */
export function createdSetOf(object: JsonObject, type: FieldType, empty: JsonObject): FieldSet {
  return collect(object, type, false, true, empty) ?? leaf;
}

/**
 * The set below a value, which may be a member of it by itself; undefined when there is nothing. What an empty object has
 * as well, `before`, is not new.
 */
function collect(
  value: unknown,
  type: FieldType,
  isMember: boolean,
  isWhole: boolean,
  before?: unknown,
): FieldSet | undefined {
  if (before !== undefined && deepEqual(value, before)) return undefined;
  const aspect = aspectOf(value, type);
  if (aspect === "scalar") return leaf;
  const node: DraftNode = isMember ? { ".": leaf } : {};
  let isEmpty = true;
  if (aspect === "map") {
    if (type.map!.isAtomic) return leaf;
    if (isObject(value))
      // In the order in which a set is written.
      for (const name of Object.keys(value).sort()) {
        const each = value[name];
        if (each === undefined) continue;
        const part = type.map!.partOf(name);
        const had = isObject(before) ? fieldOf(before, name) : undefined;
        // A field of a struct shows itself by what it holds, unless it holds nothing.
        const isShown = had === undefined && (isWhole || !part.isNamed || isBare(each));
        const below = collect(each, part.type, isShown, isWhole, had);
        if (!below) continue;
        node[part.element] = below;
        isEmpty = false;
      }
  } else {
    if (type.list!.isAtomic) return leaf;
    for (const [element, [item, ...more]] of itemsByElement(value, type.list!)) {
      node[element] = more.length > 0 ? leaf : (collect(item, type.list!.item, true, isWhole) ?? leaf);
      isEmpty = false;
    }
  }
  if (isEmpty) return isMember ? leaf : undefined;
  return node;
}

function isBare(value: unknown): boolean {
  return typeof value === "object" && !Array.isArray(value) && isEmptyMap(value);
}

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** How `next` differs from `old`. The order of lists with identities makes no difference. */
export function compareValues(old: unknown, next: unknown, type: FieldType): Comparison {
  const found = { added: new FieldSetBuilder(), modified: new FieldSetBuilder(), removed: new FieldSetBuilder() };
  compare(old, next, type, [], found);
  return { added: found.added.build(), modified: found.modified.build(), removed: found.removed.build() };
}

type Builders = Readonly<Record<keyof Comparison, FieldSetBuilder>>;

function compare(old: unknown, next: unknown, type: FieldType, path: string[], found: Builders): void {
  if (old === next) return;
  if (old === undefined) found.added.insert(path, wholeSetOf(next, type));
  else if (next === undefined) found.removed.insert(path, wholeSetOf(old, type));
  else {
    const before = aspectOf(old, type);
    const after = aspectOf(next, type);
    compareAs(before, old, next, type, path, found);
    if (before !== after) compareAs(after, old, next, type, path, found);
  }
}

function compareAs(
  aspect: Aspect,
  old: unknown,
  next: unknown,
  type: FieldType,
  path: string[],
  found: Builders,
): void {
  if (aspect === "map" && !type.map!.isAtomic && !(isEmptyMap(old) && isEmptyMap(next)))
    compareMaps(old, next, type.map!, path, found);
  else if (aspect === "list" && !type.list!.isAtomic && !(isEmptyList(old) && isEmptyList(next)))
    compareLists(old, next, type.list!, path, found);
  else if (!deepEqual(old, next)) found.modified.insert(path);
}

const nothing: JsonObject = {};

function compareMaps(old: unknown, next: unknown, type: MapType, path: string[], found: Builders): void {
  const before = isObject(old) ? old : nothing;
  const after = isObject(next) ? next : nothing;
  for (const name of Object.keys(before)) {
    const [left, right] = [before[name], fieldOf(after, name)];
    if (left !== right) compareField(left, right, name, type, path, found);
  }
  for (const name of Object.keys(after))
    if (fieldOf(before, name) === undefined) compareField(undefined, after[name], name, type, path, found);
}

function compareField(old: unknown, next: unknown, name: string, type: MapType, path: string[], found: Builders): void {
  const part = type.partOf(name);
  path.push(part.element);
  compare(old, next, part.type, path, found);
  path.pop();
}

function compareLists(old: unknown, next: unknown, type: ListType, path: string[], found: Builders): void {
  // Most lists are as they were: to see that takes less than to find the identities of their items.
  if (deepEqual(old, next)) return;
  const before = itemsByElement(old, type);
  const after = itemsByElement(next, type);
  for (const element of new Set([...before.keys(), ...after.keys()])) {
    path.push(element);
    compareItems(before.get(element) ?? [], after.get(element) ?? [], type.item, path, found);
    path.pop();
  }
}

/** Items that stand more than once are owned together, as one. */
function compareItems(
  old: readonly unknown[],
  next: readonly unknown[],
  type: FieldType,
  path: string[],
  found: Builders,
): void {
  if (old.length <= 1 && next.length <= 1) compare(old[0], next[0], type, path, found);
  else if (old.length > 1 && next.length > 1) {
    if (!deepEqual(old, next)) found.modified.insert(path);
  } else if (old.length > 1) {
    compare(undefined, next[0], type, path, found);
    found.removed.insert(path);
  } else {
    compare(old[0], undefined, type, path, found);
    found.added.insert(path);
  }
}
