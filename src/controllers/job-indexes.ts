// Sets of completion indexes as sorted intervals: a job of 100,000 indexes costs what its gaps cost.
import { indexIntervals } from "../api/index.ts";

export interface Interval {
  readonly first: number;
  readonly last: number;
}

/** In order, neither overlapping nor adjacent. */
export type IndexSet = readonly Interval[];

/** What status or policy say in text, without what is not below `completions`: an elastic job may have become smaller. */
export function parseIndexes(text: string | undefined, completions: number): IndexSet {
  const within = indexIntervals(text ?? "")
    .filter(({ first }) => first < completions)
    .map(({ first, last }) => ({ first, last: Math.min(last, completions - 1) }));
  return unionOf(within, []);
}

/** The set of these indexes, in whatever order and however often they come. */
export function indexSet(indexes: Iterable<number>): IndexSet {
  const sorted = [...indexes].sort((a, b) => a - b);
  return unionOf(
    sorted.map((index) => ({ first: index, last: index })),
    [],
  );
}

/** All indexes of both; each is in order. */
export function unionOf(a: readonly Interval[], b: readonly Interval[]): IndexSet {
  const union: { first: number; last: number }[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const left = a[i];
    const right = b[j];
    const takesLeft = left !== undefined && (right === undefined || left.first < right.first);
    const next = (takesLeft ? left : right) as Interval; // one of them is there
    if (takesLeft) i++;
    else j++;
    const end = union.at(-1);
    if (end && next.first <= end.last + 1) end.last = Math.max(end.last, next.last);
    else union.push({ ...next });
  }
  return union;
}

/** How many indexes are in both. */
export function overlapOf(a: IndexSet, b: IndexSet): number {
  let count = 0;
  for (let i = 0, j = 0; ; ) {
    const left = a[i];
    const right = b[j];
    if (!left || !right) return count;
    count += Math.max(0, Math.min(left.last, right.last) - Math.max(left.first, right.first) + 1);
    if (left.last < right.last) i++;
    else j++;
  }
}

export function countOf(set: IndexSet): number {
  return set.reduce((count, { first, last }) => count + last - first + 1, 0);
}

export function hasIndex(set: IndexSet, index: number): boolean {
  let low = 0;
  let high = set.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((set[middle] as Interval).last < index)
      low = middle + 1; // between low and high
    else high = middle;
  }
  const found = set[low];
  return found !== undefined && found.first <= index;
}

/** As the status writes it: `1,3-5,7`; two neighbours are two numbers. */
export function formatIndexes(set: IndexSet): string {
  return set
    .map(({ first, last }) => (first === last ? `${first}` : `${first}${last === first + 1 ? "," : "-"}${last}`))
    .join(",");
}

/** The first `count` indexes below `completions` that are not in the set. */
export function missingIndexes(set: IndexSet, completions: number, count: number): number[] {
  const missing: number[] = [];
  let candidate = 0;
  for (const { first, last } of [...set, { first: completions, last: completions }]) {
    for (; candidate < Math.min(first, completions); candidate++) {
      if (missing.length >= count) return missing;
      missing.push(candidate);
    }
    candidate = last + 1;
  }
  return missing;
}
