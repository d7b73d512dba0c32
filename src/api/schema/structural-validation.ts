// Validation of custom resources against the values their CRD's schema allows, with the errors of Kubernetes
// (k8s.io/kube-openapi/pkg/validation, k8s.io/apiextensions-apiserver/pkg/apiserver/validation).
import { deepEqual } from "../../lib/index.ts";
import {
  canonicalTime,
  duplicate,
  type FieldError,
  invalidType,
  invalidValue,
  isIpv4,
  isIpv6,
  notSupported,
  type Path,
  parseCidr,
  required,
  tooLong,
  tooMany,
} from "../meta/index.ts";
import { isObject, type JsonObject } from "./json-value.ts";
import type { Schema } from "./schema.ts";

/** Errors that one object may bring; what comes after is not looked for. */
const errorsMax = 100;

/** What is wrong with a value under its schema. */
export function validateSchema(at: Path, value: unknown, schema: Schema): FieldError[] {
  const errors: FieldError[] = [];
  check(at, value, schema, errors);
  return errors;
}

function check(at: Path, value: unknown, schema: Schema, errors: FieldError[]): void {
  if (errors.length >= errorsMax) return;
  if (value === null && schema.nullable) return;
  const types = allowedTypes(schema);
  if (types && !types.includes(typeOf(value)) && !(types.includes("number") && typeOf(value) === "integer")) {
    const detail = `${nameOf(at)} in body must be of type ${types.join(",")}: ${JSON.stringify(typeOf(value))}`;
    errors.push(invalidType(at, typeOf(value), detail));
    return;
  }
  const enumeration: unknown = schema.enum;
  if (Array.isArray(enumeration) && !enumeration.some((each) => deepEqual(each, value)))
    errors.push(
      notSupported(
        at,
        value,
        enumeration.map((each) => (typeof each === "string" ? each : JSON.stringify(each))),
      ),
    );
  if (typeof value === "string") checkString(at, value, schema, errors);
  else if (typeof value === "number") checkNumber(at, value, schema, errors);
  else if (Array.isArray(value)) checkList(at, value, schema, errors);
  else if (isObject(value)) checkObject(at, value, schema, errors);
  checkCombinations(at, value, schema, errors);
}

function allowedTypes(schema: Schema): string[] | undefined {
  if (schema["x-kubernetes-int-or-string"]) return ["integer", "string"];
  return schema.type === undefined || schema.type === "" ? undefined : [schema.type];
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function nameOf(at: Path): string {
  return String(at);
}

/** A keyword's value where it is a number; the CRD's own validation keeps other types out. */
function limit(schema: Schema, keyword: string): number | undefined {
  const value = schema[keyword];
  return typeof value === "number" ? value : undefined;
}

function checkString(at: Path, value: string, schema: Schema, errors: FieldError[]): void {
  const length = [...value].length;
  const maxLength = limit(schema, "maxLength");
  const minLength = limit(schema, "minLength");
  if (maxLength !== undefined && length > maxLength) errors.push(tooLong(at, maxLength));
  if (minLength !== undefined && length < minLength)
    errors.push(invalidValue(at, value, `${nameOf(at)} in body should be at least ${minLength} chars long`));
  if (typeof schema.pattern === "string" && !matches(schema.pattern, value))
    errors.push(invalidValue(at, value, `${nameOf(at)} in body should match '${schema.pattern}'`));
  if (schema.format !== undefined && Object.hasOwn(formats, schema.format) && !formats[schema.format]!(value))
    errors.push(
      invalidType(at, value, `${nameOf(at)} in body must be of type ${schema.format}: ${JSON.stringify(value)}`),
    );
}

const patterns = new Map<string, RegExp | undefined>();

/** Whether the text matches; a pattern that only Go's syntax knows matches everything. */
function matches(pattern: string, value: string): boolean {
  if (!patterns.has(pattern)) {
    if (patterns.size >= 1000) patterns.clear();
    patterns.set(pattern, compile(pattern));
  }
  return patterns.get(pattern)?.test(value) ?? true;
}

function compile(pattern: string): RegExp | undefined {
  for (const flags of ["u", ""])
    try {
      return new RegExp(pattern, flags);
    } catch {
      // Go allows escapes that the stricter syntax does not; without the flag most are read.
    }
  return undefined;
}

const base64Format = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const uuidFormat = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** The formats that Kubernetes checks and that we know; others say nothing. */
const formats: Readonly<Record<string, (value: string) => boolean>> = {
  byte: (value) => base64Format.test(value),
  cidr: (value) => parseCidr(value) !== undefined,
  date: (value) => /^\d{4}-\d{2}-\d{2}$/.test(value) && isTime(`${value}T00:00:00Z`),
  "date-time": isTime,
  duration: (value) => /^-?(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(value) || value === "0",
  hostname: (value) =>
    value.length <= 255 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/i.test(value),
  ipv4: (value) => isIpv4(value).length === 0,
  ipv6: (value) => isIpv6(value).length === 0,
  mac: (value) => /^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/i.test(value),
  uri: (value) => /^[a-z][a-z0-9+.-]*:/i.test(value) || value.startsWith("/"),
  uuid: (value) => uuidFormat.test(value),
};

function isTime(value: string): boolean {
  try {
    canonicalTime(value);
    return true;
  } catch {
    // It throws for nothing but a text that is no time.
    return false;
  }
}

const integerRanges: Readonly<Record<string, number>> = { int32: 2 ** 31, int64: 2 ** 63 };

function checkNumber(at: Path, value: number, schema: Schema, errors: FieldError[]): void {
  const bad = (detail: string) => errors.push(invalidValue(at, value, `${nameOf(at)} in body ${detail}`));
  const maximum = limit(schema, "maximum");
  const minimum = limit(schema, "minimum");
  const multipleOf = limit(schema, "multipleOf");
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum))
    bad(`should be less than ${schema.exclusiveMaximum ? "" : "or equal to "}${maximum}`);
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum))
    bad(`should be greater than ${schema.exclusiveMinimum ? "" : "or equal to "}${minimum}`);
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) bad(`should be a multiple of ${multipleOf}`);
  const range = integerRanges[schema.format ?? ""];
  if (range !== undefined && (value >= range || value < -range))
    bad(`must be of type ${schema.format}: ${JSON.stringify(typeOf(value))}`);
}

function checkList(at: Path, list: readonly unknown[], schema: Schema, errors: FieldError[]): void {
  const maxItems = limit(schema, "maxItems");
  const minItems = limit(schema, "minItems");
  if (maxItems !== undefined && list.length > maxItems) errors.push(tooMany(at, list.length, maxItems));
  if (minItems !== undefined && list.length < minItems)
    errors.push(invalidValue(at, list.length, `${nameOf(at)} in body should have at least ${minItems} items`));
  if (schema.items) for (const [index, each] of list.entries()) check(at.index(index), each, schema.items, errors);
  checkUnique(at, list, schema, errors);
}

/** Sets hold each value once, maps each combination of their keys. */
function checkUnique(at: Path, list: readonly unknown[], schema: Schema, errors: FieldError[]): void {
  const listType = schema["x-kubernetes-list-type"];
  if (listType !== "set" && listType !== "map") return;
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const seen = new Set<string>();
  for (const [index, each] of list.entries()) {
    const identity = listType === "set" ? each : keysOf(each, keys, schema.items);
    const text = JSON.stringify(identity);
    if (seen.has(text)) errors.push(duplicate(at.index(index), identity));
    seen.add(text);
  }
}

function keysOf(item: unknown, keys: readonly string[], items: Schema | undefined): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const key of keys) {
    const value = (isObject(item) ? item[key] : undefined) ?? items?.properties?.[key]?.default;
    if (value !== undefined) values[key] = value;
  }
  return values;
}

function checkObject(at: Path, object: JsonObject, schema: Schema, errors: FieldError[]): void {
  const count = Object.keys(object).length;
  const maxProperties = limit(schema, "maxProperties");
  const minProperties = limit(schema, "minProperties");
  if (maxProperties !== undefined && count > maxProperties) errors.push(tooMany(at, count, maxProperties));
  if (minProperties !== undefined && count < minProperties)
    errors.push(invalidValue(at, count, `${nameOf(at)} in body should have at least ${minProperties} properties`));
  for (const name of schema.required ?? []) if (!Object.hasOwn(object, name)) errors.push(required(at.child(name)));
  const properties = schema.properties ?? {};
  for (const [key, value] of Object.entries(object)) {
    if (Object.hasOwn(properties, key)) check(at.child(key), value, properties[key]!, errors);
    else if (typeof schema.additionalProperties === "object")
      check(at.child(key), value, schema.additionalProperties, errors);
  }
}

function checkCombinations(at: Path, value: unknown, schema: Schema, errors: FieldError[]): void {
  const fits = (each: Schema) => validateSchema(at, value, each).length === 0;
  const bad = (detail: string) => errors.push(invalidValue(at, value, `${nameOf(at)} in body ${detail}`));
  const { allOf, anyOf, oneOf, not }: JsonObject = schema;
  if (Array.isArray(allOf)) for (const each of allOf) check(at, value, each, errors);
  if (Array.isArray(anyOf) && !anyOf.some(fits)) bad("must validate at least one schema (anyOf)");
  if (Array.isArray(oneOf) && oneOf.filter(fits).length !== 1) bad("must validate one and only one schema (oneOf)");
  if (isObject(not) && fits(not)) bad("must not validate the schema (not)");
}
