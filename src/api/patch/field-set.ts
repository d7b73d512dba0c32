// Sets of fields in the form in which managedFields carries them (fieldsV1): nested objects whose keys are path elements,
// `f:name` for a field, `k:{"name":"a"}` for an item of a list by its keys, `v:"a"` for a member of a set, `i:0` for an
// index. A path is in the set when its object is empty or has the key `.`. Sets are values; every function makes a new one.
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
  return combine(a, b, childrenOf(a), intersectNode);
}

const intersectNode: Rule = (a, b) => {
  if (a === undefined || b === undefined) return undefined;
  return nodeOf(isMember(a) && isMember(b), combine(a, b, childrenOf(a), intersectNode));
};

/** What is in `a` but not in `b`; a path of `b` takes away itself and not what is below it. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return isEmptySet(b) ? a : combine(a, b, childrenOf(a), subtractNode);
}

const subtractNode: Rule = (a, b) => {
  if (a === undefined || b === undefined) return a;
  return nodeOf(isMember(a) && !isMember(b), combine(a, b, childrenOf(a), subtractNode));
};

/** As difference, but a path of `b` takes away all that is below it too. */
export function differenceBelow(a: FieldSet, b: FieldSet): FieldSet {
  return isEmptySet(b) ? a : combine(a, b, childrenOf(a), subtractBelowNode);
}

const subtractBelowNode: Rule = (a, b) => {
  if (a === undefined || b === undefined) return a;
  if (isMember(b)) return undefined;
  return nodeOf(isMember(a), combine(a, b, childrenOf(a), subtractBelowNode));
};

/** Whether the set holds the path element itself, and what it holds below. */
export function step(set: FieldSet, element: string): { readonly has: boolean; readonly below: FieldSet | undefined } {
  const node = set[element];
  return { has: isMember(node), below: childrenOf(node).length === 0 ? undefined : node };
}

/** Every path of the set, in order. */
export function pathsIn(set: FieldSet): FieldPath[] {
  const paths: FieldPath[] = [];
  const walk = (node: FieldSet, path: FieldPath): void => {
    for (const element of childrenOf(node).sort()) {
      const next = node[element]!;
      const here = [...path, element];
      if (isMember(next)) paths.push(here);
      walk(next, here);
    }
  };
  walk(set, []);
  return paths;
}

interface DraftSet {
  [element: string]: DraftSet;
}

/** Collects paths into a set. */
export class FieldSetBuilder {
  readonly #root: DraftSet = {};

  insert(path: FieldPath): void {
    let node = this.#root;
    for (const [index, element] of path.entries()) {
      const isLast = index === path.length - 1;
      const known = node[element];
      const next: DraftSet = known ?? {};
      // An empty object is a member: what makes it a container as well must say so.
      if (known && isEmptySet(known) !== isLast) known[self] = {};
      node[element] = next;
      node = next;
    }
  }

  build(): FieldSet {
    return this.#root;
  }
}

/** Whether a value that a client sent is a set of fields. */
export function isFieldSet(value: unknown): value is FieldSet {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([element, below]) =>
    element === self ? isFieldSet(below) : isPathElement(element) && isFieldSet(below),
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
  const keys: JsonObject = JSON.parse(rest);
  const list = Object.entries(keys).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `[${list.join(",")}]`;
}
