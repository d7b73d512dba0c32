import { assert } from "../lib/index.ts";
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
