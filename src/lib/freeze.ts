/** Freezes a JSON-like value all the way down and returns it; what is frozen already is taken as frozen below too. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const each of Object.values(value)) deepFreeze(each);
  return value;
}

/** A deep copy of a JSON-like value that may be changed. */
export function deepCopy<T>(value: T): Draft<T> {
  if (typeof value !== "object" || value === null) return value as Draft<T>;
  if (Array.isArray(value)) return value.map(deepCopy) as Draft<T>;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const each = deepCopy((value as Record<string, unknown>)[key]);
    // Assigning "__proto__" would set the prototype instead of a property.
    if (key === "__proto__")
      Object.defineProperty(copy, key, { value: each, enumerable: true, writable: true, configurable: true });
    else copy[key] = each;
  }
  return copy as Draft<T>;
}

/**
 * Whether two JSON-like values are equal, whatever the order of keys; a key with undefined counts as absent, and one that
 * is only inherited too: every object has a `constructor`, which is also a good name for a label.
 */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && equalLists(a, b);
  if (Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  let count = 0;
  for (const key of Object.keys(left)) {
    const value = left[key];
    if (value === undefined) continue;
    count++;
    // Of what objects inherit this alone can equal a value, and then `right` has no such key.
    if (!deepEqual(value, right[key]) || (key === "__proto__" && !Object.hasOwn(right, key))) return false;
  }
  for (const key of Object.keys(right)) if (right[key] !== undefined) count--;
  return count === 0;
}

// A loop, and no method that is given a function: much of what the server does is to compare.
function equalLists(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (!deepEqual(a[index], b[index])) return false;
  return true;
}

/**
 * `next` with the parts that equal those of `old` replaced by these; `old` itself when all of them do. Neither is changed.
 * Versions of an object that share what did not change are quickly compared, and small where many are kept.
 */
export function shared<T>(next: T, old: unknown): T {
  if (next === old || typeof next !== "object" || typeof old !== "object" || next === null || old === null) return next;
  if (Array.isArray(next)) return Array.isArray(old) ? (sharedList(next, old) as T) : next;
  if (Array.isArray(old)) return next;
  const parts = next as Record<string, unknown>;
  const before = old as Record<string, unknown>;
  let copy: Record<string, unknown> | undefined;
  let count = 0;
  let isSame = true;
  for (const key of Object.keys(parts)) {
    const part = parts[key];
    if (part === undefined) continue;
    count++;
    // Of an object that has no such key of its own it would be the prototype.
    const other = key === "__proto__" ? undefined : before[key];
    const kept = shared(part, other);
    if (kept !== other) isSame = false;
    if (kept === part) continue;
    copy ??= { ...parts };
    copy[key] = kept;
  }
  if (isSame && count === Object.keys(before).length) return old as T; // equal to `next`, so of its type
  return (copy ?? next) as T;
}

function sharedList(next: readonly unknown[], old: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | undefined;
  let isSame = next.length === old.length;
  for (let index = 0; index < next.length; index++) {
    const kept = shared(next[index], old[index]);
    if (kept !== old[index]) isSame = false;
    if (kept === next[index]) continue;
    copy ??= [...next];
    copy[index] = kept;
  }
  return isSame ? old : (copy ?? next);
}

/** A version of an object that may be changed: drafts are private to one request until they are stored. */
export type Draft<T> = T extends (infer Item)[] | readonly (infer Item)[]
  ? Draft<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Draft<T[Key]> }
    : T;
