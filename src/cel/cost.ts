// What calls cost, in cel-go's units: at run time by the values, and before by the sizes that schemas allow.
// Sources: cel-go's checker/cost.go and interpreter/runtimecost.go, apiserver's pkg/cel/library/cost.go.

import { utf8Length } from "../lib/index.ts";
import { type CelType, optionalOf } from "./types.ts";
import { countParts, List, MapValue, sizeOf, type Value } from "./values.ts";

/** From the least to the most; the most is `unbounded` where nothing is known. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The largest 64-bit number, at which upstream's sums stop. */
export const unbounded = 2 ** 64;

export const fixed = (size: number): Range => ({ min: size, max: size });
export const unknownSize: Range = { min: 0, max: unbounded };
const cap = (size: number) => Math.min(size, unbounded);

export function add(left: Range, right: Range): Range {
  return { min: cap(left.min + right.min), max: cap(left.max + right.max) };
}
export function multiply(left: Range, right: Range): Range {
  return { min: cap(left.min * right.min), max: cap(left.max * right.max) };
}
/** Rounded up. */
export function scale({ min, max }: Range, factor: number): Range {
  return { min: cap(Math.ceil(min * factor)), max: cap(Math.ceil(max * factor)) };
}
export function union(left: Range, right: Range): Range {
  return { min: Math.min(left.min, right.min), max: Math.max(left.max, right.max) };
}

/** An argument of a call whose cost is estimated. */
export interface EstimatedArg {
  readonly type: CelType;
  readonly size: Range;
  /** The size of each item of a list. */
  readonly itemSize: Range;
}

export interface CallEstimate {
  readonly cost: Range;
  /** The size of what the call gives, where it has one. */
  readonly size?: Range;
}

export interface CostRule {
  /** Charged before the call is made. */
  actual(args: readonly Value[]): number;
  estimate(args: readonly EstimatedArg[]): CallEstimate;
}

/** Going through a text costs a tenth for each character. */
export const traversalFactor = 0.1;
const regexFactor = 0.25;

const first = (args: readonly EstimatedArg[], index = 0): EstimatedArg => args[index] as EstimatedArg; // as declared
const sizeAt = (args: readonly Value[], index: number): number => sizeOf(args[index] as Value); // as declared

export const nominal: CostRule = { actual: () => 1, estimate: () => ({ cost: fixed(1) }) };

/** The first argument is gone through, so many times. */
export function traversal(times = 1, resultSize?: (size: Range) => Range): CostRule {
  return {
    actual: (args) => Math.ceil(sizeAt(args, 0) * times * traversalFactor),
    estimate: (args) => ({
      cost: scale(first(args).size, times * traversalFactor),
      ...(resultSize && { size: resultSize(first(args).size) }),
    }),
  };
}

/** The size of the second argument counts, as for prefixes. */
export const affix: CostRule = {
  actual: (args) => Math.ceil(sizeAt(args, 0) * traversalFactor),
  estimate: (args) => ({ cost: scale(first(args, 1).size, traversalFactor) }),
};

export const contained: CostRule = {
  actual: (args) => Math.ceil(sizeAt(args, 0) * traversalFactor) * Math.ceil(sizeAt(args, 1) * traversalFactor),
  estimate: (args) => ({
    cost: multiply(scale(first(args).size, traversalFactor), scale(first(args, 1).size, traversalFactor)),
  }),
};

/** Equality and order: as far as the shorter one goes; values of libraries are of bounded size. */
export const comparison: CostRule = {
  actual: (args) => Math.ceil(Math.min(sizeAt(args, 0), sizeAt(args, 1)) * traversalFactor),
  estimate: (args) => {
    const [left, right] = [first(args), first(args, 1)];
    if (left.type.kind === "opaque" && left.size.max === unbounded && !optionalOf(left.type)) return { cost: fixed(1) };
    const max = Math.min(left.size.max, right.size.max);
    return { cost: scale({ min: max > 0 ? 1 : 0, max }, traversalFactor) };
  },
};

export const concatenation: CostRule = {
  actual: (args) => Math.ceil((sizeAt(args, 0) + sizeAt(args, 1)) * traversalFactor),
  estimate: (args) => {
    const size = add(first(args).size, first(args, 1).size);
    return { cost: scale(size, traversalFactor), size };
  },
};

export const listConcatenation: CostRule = {
  actual: ([left, right]) => (left instanceof List && right instanceof List ? left.concatCost(right) : 1),
  estimate: (args) => ({ cost: fixed(1), size: add(first(args).size, first(args, 1).size) }),
};

/** Looking for something in a list. */
export const membership: CostRule = {
  actual: (args) => sizeAt(args, 1),
  estimate: (args) => ({ cost: first(args, 1).size }),
};

/** A regular expression over a text: both lengths count, and an empty text is not free. */
export function matching(resultSize?: (size: Range) => Range): CostRule {
  return {
    actual: (args) => Math.ceil((1 + sizeAt(args, 0)) * traversalFactor) * Math.ceil(sizeAt(args, 1) * regexFactor),
    estimate: (args) => ({
      cost: multiply(scale(add(first(args).size, fixed(1)), traversalFactor), scale(first(args, 1).size, regexFactor)),
      ...(resultSize && { size: resultSize(first(args).size) }),
    }),
  };
}

/** Each item of a list is looked at, and its text gone through. */
export const listTraversal: CostRule = {
  actual: (args) => traversalCost(args[0] as Value), // as declared
  estimate: (args) => {
    const { type, size, itemSize } = first(args);
    if (type.kind !== "list") return { cost: scale(size, traversalFactor) };
    const isText = type.element.kind === "string" || type.element.kind === "bytes";
    const each = isText ? add(fixed(1), scale(itemSize, traversalFactor)) : fixed(1);
    return { cost: multiply(size, each) };
  },
};

/** Twice what any evaluation may cost: what costs more is not looked at further. */
const costMax = 2_000_000;

function traversalCost(value: Value): number {
  if (typeof value === "string") return Math.floor(utf8Length(value) * traversalFactor);
  if (value instanceof Uint8Array) return Math.floor(value.length * traversalFactor);
  if (!(value instanceof List || value instanceof MapValue)) return 1;
  let cost = 0;
  countParts(value.size); // short texts cost nothing
  const isList = value instanceof List;
  for (const each of isList ? value : value.keys()) {
    cost += traversalCost(each) + (isList ? 0 : traversalCost(value.get(each) ?? null));
    if (cost > costMax) break;
  }
  return cost;
}

/** What joining the texts of a list costs, by what comes out. */
export function joinedSize(list: Value | undefined, separator: Value | undefined): number {
  if (!(list instanceof List)) return 1;
  let size = Math.max(0, list.size - 1) * (typeof separator === "string" ? sizeOf(separator) : 0);
  for (const each of list) {
    size += sizeOf(each);
    if (size > costMax) break;
  }
  return size;
}
