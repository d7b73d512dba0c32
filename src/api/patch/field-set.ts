// Sets of fields in the form in which managedFields carries them (fieldsV1): nested objects whose keys are path elements,
// `f:name` for a field, `k:{"name":"a"}` for an item of a list by its keys, `v:"a"` for a member of a set, `i:0` for an
// index. A path is in the set when its object is empty or has the key `.`. Sets are values; every function makes a new one.
import { compareText, formatJson, type Int64, parseJson } from "../../lib/index.ts";
import type { JsonObject } from "../schema/index.ts";

export interface FieldSet {
  readonly [element: string]: FieldSet;
}

/** A path through an object, as path elements. */
export type FieldPath = readonly string[];

export const emptySet: FieldSet = {};

const self = ".";
const leaf: FieldSet = {};

export function fieldElement(name: string): string {
  return `f:${name}`;
}

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** Whether the path that led to this object is itself in the set. */
function isMember(node: FieldSet | undefined): boolean {
  return node !== undefined && (isEmptySet(node) || self in node);
}

function childrenOf(node: FieldSet | undefined): string[] {
  return node === undefined ? [] : Object.keys(node).filter((element) => element !== self);
}

/** The object for a path with these children; undefined when nothing is left of it. */
function nodeOf(member: boolean, children: Record<string, FieldSet>): FieldSet | undefined {
  if (isEmptySet(children)) return member ? leaf : undefined;
  return member ? { [self]: leaf, ...children } : children;
}

type Rule = (a: FieldSet | undefined, b: FieldSet | undefined) => FieldSet | undefined;

/** Combines two objects child by child. `elements` says whose children count. */
function combine(a: FieldSet, b: FieldSet, elements: Iterable<string>, rule: Rule): Record<string, FieldSet> {
  const result: Record<string, FieldSet> = {};
  for (const element of elements) {
    const found = rule(a[element], b[element]);
    if (found) result[element] = found;
  }
  return result;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a)) return b;
  if (isEmptySet(b)) return a;
  return combine(a, b, new Set([...childrenOf(a), ...childrenOf(b)]), unionNode);
}

const unionNode: Rule = (a, b) => {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  const elements = new Set([...childrenOf(a), ...childrenOf(b)]);
  return nodeOf(isMember(a) || isMember(b), combine(a, b, elements, unionNode));
};

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(b)) return emptySet;
  return combine(a, b, childrenOf(a), intersectNode);
}

const intersectNode: Rule = (a, b) => {
  if (a === undefined || b === undefined) return undefined;
  return nodeOf(isMember(a) && isMember(b), combine(a, b, childrenOf(a), intersectNode));
};

/** What is in `a` but not in `b`; a path of `b` takes away itself and not what is below it. `a` itself when nothing goes. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return without(a, b, false) ?? emptySet;
}

/** As difference, but a path of `b` takes away all that is below it too. */
export function differenceBelow(a: FieldSet, b: FieldSet): FieldSet {
  return without(a, b, true) ?? emptySet;
}

/** `a` without `b`: `a` itself when they have nothing in common, undefined when nothing is left. */
function without(a: FieldSet, b: FieldSet, below: boolean): FieldSet | undefined {
  if (!sharesElement(a, b)) return a;
  const left: Record<string, FieldSet> = {};
  let isSame = true;
  for (const element in a) {
    const part = a[element]!;
    const taken = element === self ? undefined : b[element];
    const rest = taken === undefined ? part : withoutNode(part, taken, below);
    if (rest !== part) isSame = false;
    if (rest) left[element] = rest;
  }
  if (isSame) return a;
  return isEmptySet(left) ? undefined : left;
}

function sharesElement(a: FieldSet, b: FieldSet): boolean {
  for (const element in b) if (element !== self && element in a) return true;
  return false;
}

function withoutNode(a: FieldSet, b: FieldSet, below: boolean): FieldSet | undefined {
  const takesSelf = isMember(b);
  if (takesSelf && below) return undefined;
  if (isEmptySet(a)) return takesSelf ? undefined : a;
  const rest = without(a, b, below);
  if (rest === undefined || !(self in rest)) return rest;
  const children = childrenOf(rest);
  if (children.length === 0) return takesSelf ? undefined : leaf;
  return takesSelf ? Object.fromEntries(children.map((element) => [element, rest[element]!])) : rest;
}

/** Whether everything in `a` is in `b`. */
export function isSubset(a: FieldSet, b: FieldSet): boolean {
  for (const element in a) {
    if (element === self) continue;
    const below = b[element];
    const part = a[element]!;
    if (below === undefined || (isMember(part) && !isMember(below)) || !isSubset(part, below)) return false;
  }
  return true;
}

/** Whether the set holds the path element itself, and what it holds below. */
export function step(set: FieldSet, element: string): { readonly has: boolean; readonly below: FieldSet | undefined } {
  const node = set[element];
  return { has: isMember(node), below: childrenOf(node).length === 0 ? undefined : node };
}

/** Whether the path is in the set. */
export function has(set: FieldSet, path: FieldPath): boolean {
  let node: FieldSet | undefined = set;
  for (const element of path) node = node?.[element];
  return path.length > 0 && isMember(node);
}

/** Every path of the set: at each level first the members, then what is below, each in order. */
export function pathsIn(set: FieldSet): FieldPath[] {
  const paths: FieldPath[] = [];
  const walk = (node: FieldSet, path: FieldPath): void => {
    const elements = childrenOf(node).sort(compareElements);
    for (const element of elements) if (isMember(node[element])) paths.push([...path, element]);
    for (const element of elements) walk(node[element]!, [...path, element]);
  };
  walk(set, []);
  return paths;
}

/** Fields come before items by keys, these before members of sets and indexes; keys and members in the order of their values. */
function compareElements(a: string, b: string): number {
  const kinds = "fkvi";
  if (a[0] !== b[0]) return kinds.indexOf(a[0]!) - kinds.indexOf(b[0]!);
  if (a.startsWith("f:")) return compareText(a, b);
  const [left, right]: [unknown, unknown] = [parseJson(a.slice(2)), parseJson(b.slice(2))];
  return compareValues(left, right);
}

function isNumber(value: unknown): value is Int64 {
  return typeof value === "number" || typeof value === "bigint";
}

function compareValues(a: unknown, b: unknown): number {
  if (isNumber(a) && isNumber(b)) return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null)
    return compareText(String(a), String(b));
  const [left, right] = [Object.entries(a), Object.entries(b)];
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const order = compareText(left[index]![0], right[index]![0]) || compareValues(left[index]![1], right[index]![1]);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/**
 * Sets are never changed, and a write leaves nearly all of an object's as they were: each is looked at once. A small level
 * is looked at again, which costs less than to remember it.
 */
const setsInOrder = new WeakSet<FieldSet>();
const smallLevelMax = 4;

/**
 * The set as structured-merge-diff writes it: `.` first and the path elements of each level in order, so that equal sets
 * are equal text. The set itself where it is in order already.
 */
export function inOrder(set: FieldSet): FieldSet {
  if (setsInOrder.has(set)) return set;
  let count = 0;
  let isSame = true;
  let last: string | undefined;
  for (const element in set) {
    count++;
    const part = set[element]!;
    if (inOrder(part) !== part || (last !== undefined && compareNodes(last, element) > 0)) isSame = false;
    last = element;
  }
  const ordered = isSame ? set : reordered(set);
  if (count > smallLevelMax) setsInOrder.add(ordered);
  return ordered;
}

function reordered(set: FieldSet): FieldSet {
  const parts = Object.entries(set).sort(([a], [b]) => compareNodes(a, b));
  return Object.fromEntries(parts.map(([element, part]) => [element, inOrder(part)]));
}

function compareNodes(a: string, b: string): number {
  if (a === self || b === self) return a === b ? 0 : a === self ? -1 : 1;
  return compareElements(a, b);
}

interface DraftSet {
  [element: string]: FieldSet;
}

/** Collects paths into a set. */
export class FieldSetBuilder {
  #root: DraftSet | undefined;

  /** Adds a path, and below it what `node` holds: the set of a part by itself. */
  insert(path: FieldPath, node: FieldSet = leaf): void {
    // Nobody owns the whole object.
    if (path.length === 0) {
      this.#root = union(this.#root ?? emptySet, node);
      return;
    }
    this.#root ??= {};
    this.#root = inserted(this.#root, path, 0, node);
  }

  build(): FieldSet {
    return this.#root ?? emptySet;
  }
}

/** The builder's own object with the path added; what came from elsewhere is copied. */
function inserted(into: DraftSet, path: FieldPath, depth: number, node: FieldSet): DraftSet {
  const element = path[depth]!;
  const known = into[element];
  if (depth === path.length - 1) into[element] = known === undefined ? node : (unionNode(known, node) ?? leaf);
  else {
    // An empty object is a member: what becomes a container as well must say so.
    const below: DraftSet = known === undefined ? {} : isEmptySet(known) ? { [self]: leaf } : known;
    into[element] = inserted(below, path, depth + 1, node);
  }
  return into;
}

/** Whether a value that a client sent is a set of fields. */
export function isFieldSet(value: unknown): value is FieldSet {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([element, below]) => element === self || (isPathElement(element) && isFieldSet(below)),
  );
}

function isPathElement(element: string): boolean {
  const rest = element.slice(2);
  if (element.startsWith("f:")) return true;
  if (element.startsWith("i:")) return /^[0-9]+$/.test(rest);
  if (!element.startsWith("k:") && !element.startsWith("v:")) return false;
  try {
    const parsed: unknown = JSON.parse(rest);
    return element.startsWith("v:") || (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed));
  } catch {
    // What is no JSON is no path element; that is the answer.
    return false;
  }
}

/** A path as messages print it: `.spec.containers[name="a"].image`. */
export function formatPath(path: FieldPath): string {
  return path.map(formatElement).join("");
}

function formatElement(element: string): string {
  const rest = element.slice(2);
  if (element.startsWith("f:")) return `.${rest}`;
  if (element.startsWith("i:")) return `[${rest}]`;
  if (element.startsWith("v:")) return `[=${rest}]`;
  const keys = parseJson(rest) as JsonObject; // as in every path element of this kind
  const list = Object.entries(keys).map(([name, value]) => `${name}=${formatJson(value)}`);
  return `[${list.join(",")}]`;
}
