// Rules that the fields of many kinds share, with the words of Kubernetes' validation.
import { append, type Int64 } from "../lib/index.ts";
import type { FieldError } from "./meta/api-error.ts";
import { invalidValue, notSupported, type Path, required } from "./meta/field-error.ts";
import { isDns1123Subdomain, patternMessage } from "./meta/names.ts";

/** One error for each message about the value. */
export function invalidFor(at: Path, value: unknown, messages: readonly string[]): FieldError[] {
  return messages.map((message) => invalidValue(at, value, message));
}

/** An error when there is no value: absent, empty text or empty list. */
export function requiredField(at: Path, value: string | readonly unknown[] | undefined, detail = ""): FieldError[] {
  return value === undefined || value.length === 0 ? [required(at, detail)] : [];
}

/** A value that must be there and be one of `supported`, which are named in this order. */
export function requiredEnum(at: Path, value: string | undefined, supported: readonly string[]): FieldError[] {
  return value === undefined || value === "" ? [required(at)] : optionalEnum(at, value, supported);
}

/** A value that may be absent; an empty text is a value. */
export function optionalEnum(at: Path, value: string | undefined, supported: readonly string[]): FieldError[] {
  return value === undefined || supported.includes(value) ? [] : [notSupported(at, value, supported)];
}

export function nonnegative(at: Path, value: Int64 | undefined): FieldError[] {
  return value !== undefined && value < 0 ? [invalidValue(at, value, "must be greater than or equal to 0")] : [];
}

export function positive(at: Path, value: Int64 | undefined): FieldError[] {
  return value !== undefined && value <= 0 ? [invalidValue(at, value, "must be greater than zero")] : [];
}

const httpPath = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const httpPathPattern = new RegExp(`^${httpPath}$`);

/** A domain, a slash and a path: `acme.io/foo`. */
export function domainPrefixedPath(at: Path, value: string): FieldError[] {
  if (value === "") return [required(at)];
  const slash = value.indexOf("/");
  const domain = value.slice(0, slash);
  const path = value.slice(slash + 1);
  if (slash <= 0 || path === "")
    return [invalidValue(at, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const errors = invalidFor(at, domain, isDns1123Subdomain(domain));
  if (!httpPathPattern.test(path)) errors.push(invalidValue(at, path, patternMessage("Invalid path", httpPath)));
  return errors;
}

/** So many errors of one list or map are looked for: what can be told of them is less (causesLengthMax). */
const entryErrorsMax = 10_000;

/** Applies `rule` to every item with its path. */
export function eachItem<T>(
  at: Path,
  items: readonly T[] | null | undefined,
  rule: (item: T, at: Path, index: number) => readonly FieldError[],
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, item] of (items ?? []).entries()) {
    append(errors, rule(item, at.index(index), index));
    if (errors.length >= entryErrorsMax) break;
  }
  return errors;
}

/** Applies `rule` to every entry of a map, in the order of the keys. */
export function eachEntry<T>(
  at: Path,
  map: Readonly<Record<string, T>> | undefined,
  rule: (key: string, value: T, at: Path) => readonly FieldError[],
): FieldError[] {
  return eachItem(at, Object.keys(map ?? {}).sort(), (key) =>
    rule(key, (map as Readonly<Record<string, T>>)[key] as T, at.key(key)),
  );
}
