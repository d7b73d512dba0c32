import { assert } from "../lib/index.ts";
import { resourcePrefixOf } from "./keys.ts";
import { type Change, ChangeConflict, type Revision } from "./storage.ts";

/**
 * Throws ChangeConflict when a key is not at the revision that its change expects; `current` gives what it is at, 0 when
 * it does not exist.
 */
export function checkChanges(changes: readonly Change[], current: (key: string) => Revision): void {
  assert(
    changes.length < 2 || new Set(changes.map((change) => change.key)).size === changes.length,
    "a commit changes each key once",
  );
  for (const { key, expect } of changes) {
    if (expect === undefined) continue;
    const actual = current(key);
    if (actual !== expect) throw new ChangeConflict(key, expect, actual);
  }
}

/**
 * The changes of a commit by the revisions that they take, one after the other: those of one resource have one each, as a
 * watch that breaks off between two of them goes on after the one that it has seen. The last of each resource has the
 * last revision of the commit.
 */
export function byRevision(changes: readonly Change[]): readonly (readonly Change[])[] {
  if (changes.length < 2) return changes.length === 0 ? [] : [changes];
  const fromTheLast: Change[][] = [];
  const counts = new Map<string, number>();
  for (const change of changes.toReversed()) {
    const prefix = resourcePrefixOf(change.key);
    const later = counts.get(prefix) ?? 0;
    counts.set(prefix, later + 1);
    if (fromTheLast.length === later) fromTheLast.push([]);
    fromTheLast[later]!.push(change);
  }
  return fromTheLast.map((group) => group.reverse()).reverse();
}
