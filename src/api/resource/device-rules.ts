// What the kinds of resource.k8s.io have in common: k8s.io/kubernetes/pkg/apis/resource/validation/validation.go.
import { exceedsBytes, formatJson } from "../../lib/index.ts";
import { validateCsiDriverName } from "../core/volume-sources.ts";
import { eachItem, invalidFor } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, invalidValue, type Path, required, tooLong, tooMany } from "../meta/field-error.ts";
import { isCIdentifier, isDns1123Subdomain } from "../meta/names.ts";
import type { DeviceSelector, OpaqueDeviceConfiguration } from "../types.generated.ts";
import { validateDeviceExpression } from "./device-expressions.ts";

/** How many selectors, requests, constraints, configurations and results each list may have. */
export const deviceListMax = 32;
const parametersBytesMax = 10 * 1024;
const poolNameBytesMax = 253;
const identifierBytesMax = 32;

/** A list that is not looked into when it is too long. */
export function boundedList<T>(
  at: Path,
  items: readonly T[] | undefined,
  countMax: number,
  rule: (item: T, at: Path) => readonly FieldError[],
): FieldError[] {
  const count = items?.length ?? 0;
  return count > countMax ? [tooMany(at, count, countMax)] : eachItem(at, items, rule);
}

/** A bounded list whose items differ in their keys. */
export function boundedSet<T>(
  at: Path,
  items: readonly T[] | undefined,
  countMax: number,
  keyOf: (item: T) => string,
  rule: (item: T, at: Path) => readonly FieldError[],
): FieldError[] {
  const errors = boundedList(at, items, countMax, rule);
  if ((items?.length ?? 0) > countMax) return errors;
  const keys = new Set<string>();
  for (const [index, item] of (items ?? []).entries()) {
    const key = keyOf(item);
    if (keys.has(key)) errors.push(duplicate(at.index(index), key));
    keys.add(key);
  }
  return errors;
}

export function validateSelectors(selectors: readonly DeviceSelector[] | undefined, at: Path): FieldError[] {
  return boundedList(at, selectors, deviceListMax, ({ cel }, place) => {
    if (!cel) return [required(place.child("cel"))];
    return validateDeviceExpression(cel.expression ?? "", place.child("cel", "expression"));
  });
}

/** `at` is the path of the configuration that holds the parameters. */
export function validateOpaque(opaque: OpaqueDeviceConfiguration | undefined, at: Path): FieldError[] {
  const place = at.child("opaque");
  if (!opaque) return [required(place)];
  return [
    ...validateCsiDriverName(place.child("driver"), opaque.driver ?? ""),
    ...validateRawObject(opaque.parameters, parametersBytesMax, place.child("parameters")),
  ];
}

/** Data that Kubernetes does not understand: some JSON object. */
export function validateRawObject(data: unknown, bytesMax: number, at: Path): FieldError[] {
  if (data === undefined || data === null) return [required(at)];
  if (exceedsBytes(bytesMax, formatJson(data))) return [tooLong(at, bytesMax)];
  return typeof data === "object" && !Array.isArray(data)
    ? []
    : [invalidValue(at, "<value omitted>", "must be a valid JSON object")];
}

/** Subdomains with slashes between them. */
export function validatePoolName(name: string, at: Path): FieldError[] {
  if (name === "") return [required(at)];
  const errors = exceedsBytes(poolNameBytesMax, name) ? [tooLong(at, poolNameBytesMax)] : [];
  return [...errors, ...name.split("/").flatMap((part) => invalidFor(at, part, isDns1123Subdomain(part)))];
}

/** An identifier, with the domain that defines it or without. Kubernetes does not look at names with more slashes. */
export function validateQualifiedName(name: string, at: Path): FieldError[] {
  const parts = name.split("/");
  if (parts.length === 1) return validateIdentifier(name, at);
  if (parts.length > 2) return [];
  const [domain = "", identifier = ""] = parts;
  return [
    ...(domain === "" ? [invalidValue(at, "", "the domain must not be empty")] : validateCsiDriverName(at, domain)),
    ...(identifier === "" ? [invalidValue(at, "", "the name must not be empty")] : validateIdentifier(identifier, at)),
  ];
}

export function validateFullyQualifiedName(name: string, at: Path): FieldError[] {
  const errors = validateQualifiedName(name, at);
  if (!name.includes("/"))
    errors.push(invalidValue(at, name, "a fully qualified name must be a domain and a name separated by a slash"));
  return errors;
}

function validateIdentifier(identifier: string, at: Path): FieldError[] {
  const errors = identifier.length > identifierBytesMax ? [tooLong(at, identifierBytesMax)] : [];
  return [...errors, ...invalidFor(at, identifier, isCIdentifier(identifier))];
}
