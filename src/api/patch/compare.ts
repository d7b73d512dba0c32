// What a value owns, and how two values differ, as sets of fields: k8s.io/structured-merge-diff/typed.
import { deepEqual } from "../../lib/index.ts";
import { isObject } from "../schema/index.ts";
import { type FieldSet, FieldSetBuilder, fieldElement } from "./field-set.ts";
import { itemsByElement, type Shape, shapeOf, type Typed } from "./shape.ts";

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
  for (const [element, part] of partsOf(shape)) {
    path.push(element);
    collect(part, typeOfPart(shape, element), path, into);
    // Items of lists are members themselves, and so are fields that nothing but their own presence shows.
    if (shape.type === "list" || isBare(part) || !shape.isNamed(element.slice(2))) into.insert(path);
    path.pop();
  }
}

function isBare(value: unknown): boolean {
  return value === null || (isObject(value) && Object.keys(value).length === 0);
}

type Divided = Exclude<Shape, { readonly type: "leaf" }>;

/** The parts of a value by their path elements. */
function partsOf(shape: Divided): Map<string, unknown> {
  if (shape.type === "list") return itemsByElement(shape);
  const parts = new Map<string, unknown>();
  for (const [name, each] of Object.entries(shape.object)) if (each !== undefined) parts.set(fieldElement(name), each);
  return parts;
}

function typeOfPart(shape: Divided, element: string): Typed {
  return shape.type === "list" ? shape.item : shape.fieldOf(element.slice(2));
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
  const before = shapeOf(old, typed);
  const after = shapeOf(next, typed);
  const shape = old === undefined ? after : before;
  // Values of different types, and two that are empty, are compared as a whole.
  const isWhole =
    (isEmpty(old) && isEmpty(next)) || (old !== undefined && next !== undefined && before.type !== after.type);
  if (shape.type === "leaf" || isWhole) {
    if (old === undefined) found.added.insert(path);
    else if (next === undefined) found.removed.insert(path);
    else if (!deepEqual(old, next)) found.modified.insert(path);
    return;
  }
  const oldParts = before.type === "leaf" ? new Map<string, unknown>() : partsOf(before);
  const nextParts = after.type === "leaf" ? new Map<string, unknown>() : partsOf(after);
  for (const element of new Set([...oldParts.keys(), ...nextParts.keys()])) {
    path.push(element);
    compare(oldParts.get(element), nextParts.get(element), typeOfPart(shape, element), path, found);
    path.pop();
  }
  if (path.length === 0) return;
  if (old === undefined) found.added.insert(path);
  else if (next === undefined) found.removed.insert(path);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}
