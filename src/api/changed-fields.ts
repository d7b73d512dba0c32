import { deepEqual } from "../lib/index.ts";
import type { Path } from "./meta/field-error.ts";
import { isObject } from "./schema/json-value.ts";

/** How many changed fields an error names. */
const shownMax = 10;

/**
 * The sentence with the fields that two values differ in, each on a line of its own: what is told to a client that
 * changed what it may not.
 */
export function withChangedFields(sentence: string, next: unknown, old: unknown, at: Path): string {
  const paths = [...changedFields(next, old, at)];
  const lines = paths.slice(0, shownMax).map((path) => `\n  ${path}`);
  if (paths.length > shownMax) lines.push(`\n  and ${paths.length - shownMax} more`);
  return `${sentence}\nchanged:${lines.join("")}`;
}

function* changedFields(next: unknown, old: unknown, at: Path): Generator<string> {
  if (deepEqual(next, old)) return;
  if (Array.isArray(next) && Array.isArray(old) && next.length === old.length) {
    for (const [index, item] of next.entries()) yield* changedFields(item, old[index], at.index(index));
    return;
  }
  if (!isObject(next) || !isObject(old)) {
    yield String(at);
    return;
  }
  for (const key of new Set([...Object.keys(next), ...Object.keys(old)]))
    yield* changedFields(next[key], old[key], at.child(key));
}
