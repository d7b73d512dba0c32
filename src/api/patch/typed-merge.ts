// Merging a configuration into an object, and taking fields out of one: k8s.io/structured-merge-diff/typed.

import { isObject } from "../schema/index.ts";
import { type FieldSet, fieldElement, isEmptySet, step } from "./field-set.ts";
import { itemsByElement, shapeOf, type Typed, untypedValue } from "./shape.ts";

/** The live value with what the configuration says; nothing goes. The result may share parts with both. */
export function mergeTyped(live: unknown, config: unknown, typed: Typed): unknown {
  if (config === undefined) return live;
  if (live === undefined) return config;
  const shape = shapeOf(config, typed);
  if (shape.type === "object" && isObject(live)) {
    const merged = new Map(Object.entries(live));
    for (const [name, value] of Object.entries(shape.object))
      merged.set(name, mergeTyped(merged.get(name), value, shape.fieldOf(name)));
    return Object.fromEntries(merged);
  }
  if (shape.type === "list" && Array.isArray(live)) {
    const before = itemsByElement({ ...shape, list: live });
    const applied = itemsByElement(shape);
    if (before.size === 0 && applied.size === 0) return config;
    return mergedOrder([...before.keys()], [...applied.keys()]).map((element) =>
      mergeTyped(before.get(element), applied.get(element), shape.item),
    );
  }
  return config;
}

/** Both lists of elements in one: the order of the configuration wins, what only the live list has keeps its place. */
function mergedOrder(live: readonly string[], applied: readonly string[]): string[] {
  const inLive = new Set(live);
  const inApplied = new Set(applied);
  const shared = applied.filter((element) => inLive.has(element));
  const result: string[] = [];
  let nextShared = 0;
  let l = 0;
  let r = 0;
  while (l < live.length || r < applied.length) {
    const left = live[l];
    const right = applied[r];
    if (left !== undefined && right !== undefined && left === right) {
      result.push(left);
      l++;
      r++;
      nextShared++;
    } else if (
      left !== undefined &&
      right !== undefined &&
      inApplied.has(left) &&
      shared[nextShared] !== left &&
      nextShared < shared.length
    ) {
      // A shared item, but not the one whose turn it is.
      l++;
    } else if (left !== undefined && !inApplied.has(left)) {
      result.push(left);
      l++;
    } else if (right !== undefined) {
      result.push(right);
      r++;
      if (shared[nextShared] === right) nextShared++;
    } else l++;
  }
  return result;
}

/** The value without the fields of the set; undefined when nothing of it is left. */
export function withoutFields(value: unknown, set: FieldSet, typed: Typed): unknown {
  const shape = shapeOf(value, typed);
  if (shape.type === "leaf") return value;
  if (shape.type === "list") {
    const kept: unknown[] = [];
    for (const item of shape.list) {
      const element = shape.elementOf(item);
      const { has, below } = element === undefined ? { has: false, below: undefined } : step(set, element);
      if (!has) kept.push(below ? withoutFields(item, below, shape.item) : item);
    }
    return kept.length === 0 ? undefined : kept;
  }
  const kept: [string, unknown][] = [];
  for (const [name, each] of Object.entries(shape.object)) {
    const { has, below } = step(set, fieldElement(name));
    if (has) continue;
    const rest = below ? withoutFields(each, below, shape.fieldOf(name)) : each;
    if (rest !== undefined) kept.push([name, rest]);
  }
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** The set in which every struct field that holds others counts as a member, so that emptied structs go with their fields. */
export function withNamedFields(set: FieldSet, typed: Typed): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const [element, below] of Object.entries(set)) {
    if (element === ".") {
      result[element] = below;
      continue;
    }
    // What the element says tells the shape, whatever value there was.
    const shape = shapeOf(element.startsWith("f:") ? {} : [], typed);
    const name = element.slice(2);
    const childType = shape.type === "object" ? shape.fieldOf(name) : shape.type === "list" ? shape.item : untypedValue;
    const child = withNamedFields(below, childType);
    const isNamed = shape.type === "object" && shape.isNamed(name);
    result[element] = isNamed && !isEmptySet(child) ? { ".": {}, ...child } : child;
  }
  return result;
}
