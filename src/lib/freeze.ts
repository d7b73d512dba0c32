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

/** Whether two JSON-like values are equal, whatever the order of keys; a key with undefined counts as absent. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  if (Array.isArray(a)) {
    const other = b as unknown[];
    return a.length === other.length && a.every((each, index) => deepEqual(each, other[index]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key of Object.keys(left)) if (!deepEqual(left[key], right[key])) return false;
  for (const key of Object.keys(right)) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}

/** A version of an object that may be changed: drafts are private to one request until they are stored. */
export type Draft<T> = T extends (infer Item)[] | readonly (infer Item)[]
  ? Draft<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Draft<T[Key]> }
    : T;
