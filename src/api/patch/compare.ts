// What a value owns, and how two values differ, as sets of fields: k8s.io/structured-merge-diff/typed.
import { deepEqual } from "../../lib/index.ts";
import { type FieldSet, FieldSetBuilder, fieldElement } from "./field-set.ts";
import { isObject, itemsByElement, type JsonObject, type Shape, shapeOf, type Typed } from "./shape.ts";

/** Every leaf that the value has, and every item of its lists. */
export function fieldSetOf(value: unknown, typed: Typed): FieldSet {
  const builder = new FieldSetBuilder();
  collect(value, typed, [], builder);
  return builder.build();
}

function collect(value: unknown, typed: Typed, path: string[], into: FieldSetBuilder): void {
  const shape = shapeOf(value, typed);
  if (shape.type === "leaf") {
    into.insert(path);
    return;
  }
  for (const [element, child, childType, isItself] of childrenOf(value, shape)) {
    path.push(element);
    collect(child, childType, path, into);
    if (isItself) into.insert(path);
    path.pop();
  }
}

type Child = readonly [element: string, value: unknown, typed: Typed, isItself: boolean];

/** The parts of a value; `isItself` says that the part is a member beside what it holds. */
function childrenOf(value: unknown, shape: Exclude<Shape, { readonly type: "leaf" }>): Child[] {
  if (shape.type === "list") {
    const items = itemsByElement(value as readonly unknown[], shape.elementOf);
    return [...items].map(([element, item]) => [element, item, shape.item, true]);
  }
  return Object.entries(value as JsonObject)
    .filter(([, each]) => each !== undefined)
    .map(([name, each]) => {
      const isEmpty = each === null || (isObject(each) && Object.keys(each).length === 0);
      return [fieldElement(name), each, shape.fieldOf(name), isEmpty || !shape.isNamed(name)];
    });
}

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** How `next` differs from `old`. */
export function compareValues(old: unknown, next: unknown, typed: Typed): Comparison {
  const found = { added: new FieldSetBuilder(), modified: new FieldSetBuilder(), removed: new FieldSetBuilder() };
  compare(old, next, typed, [], found);
  return { added: found.added.build(), modified: found.modified.build(), removed: found.removed.build() };
}

type Builders = Readonly<Record<keyof Comparison, FieldSetBuilder>>;

function compare(old: unknown, next: unknown, typed: Typed, path: string[], found: Builders): void {
  if (old === next) return;
  const shape = commonShape(old, next, typed);
  if (shape.type === "leaf") {
    if (old === undefined) found.added.insert(path);
    else if (next === undefined) found.removed.insert(path);
    else if (!deepEqual(old, next)) found.modified.insert(path);
    return;
  }
  const before = partsOf(old, shape);
  const after = partsOf(next, shape);
  for (const element of new Set([...before.keys(), ...after.keys()])) {
    const typedPart = shape.type === "list" ? shape.item : shape.fieldOf(element.slice(2));
    path.push(element);
    compare(before.get(element), after.get(element), typedPart, path, found);
    path.pop();
  }
  if (path.length === 0) return;
  if (old === undefined) found.added.insert(path);
  else if (next === undefined) found.removed.insert(path);
}

/** One shape for both; values of different types, and two that are empty, are compared as a whole. */
function commonShape(old: unknown, next: unknown, typed: Typed): Shape {
  if (isEmpty(old) && isEmpty(next)) return { type: "leaf" };
  const before = shapeOf(old, typed);
  const after = shapeOf(next, typed);
  if (old === undefined) return after;
  if (next === undefined || before.type === after.type) return before;
  return { type: "leaf" };
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

function partsOf(value: unknown, shape: Exclude<Shape, { readonly type: "leaf" }>): Map<string, unknown> {
  if (value === undefined) return new Map();
  if (shape.type === "list") return itemsByElement(value as readonly unknown[], shape.elementOf);
  const parts = new Map<string, unknown>();
  for (const [name, each] of Object.entries(value as JsonObject))
    if (each !== undefined) parts.set(fieldElement(name), each);
  return parts;
}
