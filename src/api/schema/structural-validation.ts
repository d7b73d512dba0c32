// Validation of custom resources against the values their CRD's schema allows, with the errors of Kubernetes
// (k8s.io/kube-openapi/pkg/validation, k8s.io/apiextensions-apiserver/pkg/apiserver/validation).
import { EvaluationError, matchesPattern } from "../../cel/index.ts";
import { append, deepEqual, formatJson, type Int64 } from "../../lib/index.ts";
import {
  type FieldError,
  invalidType,
  invalidValue,
  notSupported,
  type Path,
  required,
  tooLong,
  tooMany,
} from "../meta/index.ts";
import { isObject, type JsonObject } from "./json-value.ts";
import { mapItemIdentity } from "./list-type-validation.ts";
import type { Schema } from "./schema.ts";
import { hasFormat } from "./string-formats.ts";
import { isUnchanged } from "./unchanged.ts";

/** Errors that one object may bring; what comes after is not looked for. */
const errorsMax = 100;

/** What an update changes. */
interface Old {
  readonly value: unknown;
}

interface Findings {
  readonly errors: FieldError[];
  /** The schemas that were applied: of several that all fail, the one that says most of the value is told about. */
  applied: number;
}

/**
 * What is wrong with a value under its schema. What an update leaves as it was may stay wrong (ratcheting): the errors of
 * parts that are equal in `old` are not told.
 */
export function validateSchema(at: Path, value: unknown, schema: Schema, old?: Old): FieldError[] {
  return findingsOf(at, value, schema, old).errors;
}

function findingsOf(at: Path, value: unknown, schema: Schema, old: Old | undefined): Findings {
  const findings: Findings = { errors: [], applied: 0 };
  check(at, value, schema, old, findings);
  return findings;
}

function check(at: Path, value: unknown, schema: Schema, old: Old | undefined, findings: Findings): void {
  const { errors } = findings;
  const before = errors.length;
  if (before >= errorsMax) return;
  findings.applied++;
  checkType(at, value, schema, errors);
  if (value !== null) checkCombinations(at, value, schema, old, findings);
  if (typeof value === "string") checkString(at, value, schema, errors);
  else if (typeof value === "number" || typeof value === "bigint") checkNumber(at, value, schema, errors);
  else if (Array.isArray(value)) checkList(at, value, schema, old, findings);
  checkEnum(at, value, schema, errors);
  if (isObject(value)) checkObject(at, value, schema, old, findings);
  if (old && errors.length > before && isUnchanged(value, old.value, schema)) errors.length = before;
}

function checkType(at: Path, value: unknown, schema: Schema, errors: FieldError[]): void {
  if (value === null && schema.nullable) return;
  const types = allowedTypes(schema);
  const type = typeOf(value);
  if (!types || types.includes(type) || (type === "integer" && types.includes("number"))) return;
  errors.push(invalidType(at, type, `${at} in body must be of type ${types.join(",")}: ${JSON.stringify(type)}`));
}

function allowedTypes(schema: Schema): string[] | undefined {
  if (schema["x-kubernetes-int-or-string"]) return ["integer", "string"];
  return schema.type === undefined || schema.type === "" ? undefined : [schema.type];
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "bigint") return "integer";
  // What has a point or an exponent is an integer as long as it is exact (IsFloat64AJSONInteger).
  if (typeof value === "number") return Number.isSafeInteger(value) ? "integer" : "number";
  return typeof value;
}

function checkEnum(at: Path, value: unknown, schema: Schema, errors: FieldError[]): void {
  const allowed: unknown = schema.enum;
  if (!Array.isArray(allowed) || allowed.some((each) => deepEqual(each, value))) return;
  const texts = allowed.map((each) => (typeof each === "string" ? each : formatJson(each)));
  errors.push(notSupported(at, value, texts));
}

/** A keyword's value where it is a number; the CRD's own validation keeps other types out. */
function limit(schema: Schema, keyword: string): Int64 | undefined {
  const value = schema[keyword];
  return typeof value === "number" || typeof value === "bigint" ? value : undefined;
}

function checkString(at: Path, value: string, schema: Schema, errors: FieldError[]): void {
  const maxLength = limit(schema, "maxLength");
  const minLength = limit(schema, "minLength");
  if (maxLength !== undefined || minLength !== undefined) {
    const length = [...value].length;
    if (maxLength !== undefined && length > maxLength) errors.push(tooLong(at, Number(maxLength)));
    if (minLength !== undefined && length < minLength)
      errors.push(invalidValue(at, value, `${at} in body should be at least ${minLength} chars long`));
  }
  const { pattern, format } = schema;
  if (typeof pattern === "string" && pattern !== "" && !matches(pattern, value))
    errors.push(invalidValue(at, value, `${at} in body should match '${pattern}'`));
  if (format !== undefined && !hasFormat(value, format))
    errors.push(invalidType(at, value, `${at} in body must be of type ${format}: ${JSON.stringify(value)}`));
}

/** Patterns are RE2's: those of JavaScript may run for ever. The CRD's own validation lets no wrong pattern pass. */
function matches(pattern: string, value: string): boolean {
  try {
    return matchesPattern(value, pattern);
  } catch (error) {
    if (error instanceof EvaluationError) return true; // of a CRD that is older than that validation
    throw error;
  }
}

function checkNumber(at: Path, value: Int64, schema: Schema, errors: FieldError[]): void {
  const bad = (detail: string) => errors.push(invalidValue(at, value, `${at} in body ${detail}`));
  const maximum = limit(schema, "maximum");
  const minimum = limit(schema, "minimum");
  const multipleOf = limit(schema, "multipleOf");
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) bad(`should be a multiple of ${multipleOf}`);
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum))
    bad(`should be less than ${schema.exclusiveMaximum ? "" : "or equal to "}${maximum}`);
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum))
    bad(`should be greater than ${schema.exclusiveMinimum ? "" : "or equal to "}${minimum}`);
}

function isMultiple(value: Int64, of: Int64): boolean {
  if (typeof value === "bigint" && Number.isInteger(Number(of))) return value % BigInt(of) === 0n;
  return Number.isInteger(Number(value) / Number(of));
}

function checkList(at: Path, list: readonly unknown[], schema: Schema, old: Old | undefined, findings: Findings): void {
  const { items } = schema;
  if (items) {
    const oldItem = correlation(list, schema, old);
    for (const [index, each] of list.entries()) check(at.index(index), each, items, oldItem(index), findings);
  }
  const maxItems = limit(schema, "maxItems");
  const minItems = limit(schema, "minItems");
  if (minItems !== undefined && list.length < minItems)
    findings.errors.push(invalidValue(at, list.length, `${at} in body should have at least ${minItems} items`));
  if (maxItems !== undefined && list.length > maxItems)
    findings.errors.push(tooMany(at, list.length, Number(maxItems)));
}

/** Finds what an item of a list was before, by its keys: items of other lists cannot be told apart (CorrelatedObject). */
function correlation(
  list: readonly unknown[],
  schema: Schema,
  old: Old | undefined,
): (index: number) => Old | undefined {
  const before = old?.value;
  if (!Array.isArray(before) || schema["x-kubernetes-list-type"] !== "map") return () => undefined;
  const byKeys = new Map(before.map((item) => [mapItemIdentity(item, schema), { value: item }]));
  return (index) => byKeys.get(mapItemIdentity(list[index], schema));
}

function checkObject(at: Path, object: JsonObject, schema: Schema, old: Old | undefined, findings: Findings): void {
  const count = Object.keys(object).length;
  const maxProperties = limit(schema, "maxProperties");
  const minProperties = limit(schema, "minProperties");
  if (minProperties !== undefined && count < minProperties) {
    findings.errors.push(invalidValue(at, count, `${at} in body should have at least ${minProperties} properties`));
    return;
  }
  if (maxProperties !== undefined && count > maxProperties) {
    findings.errors.push(tooMany(at, count, Number(maxProperties)));
    return;
  }
  const { properties = {}, additionalProperties } = schema;
  const before = isObject(old?.value) ? old.value : {};
  for (const [key, value] of Object.entries(object)) {
    const below = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    if (typeof below !== "object") continue;
    check(at.child(key), value, below, Object.hasOwn(before, key) ? { value: before[key] } : undefined, findings);
  }
  for (const name of schema.required ?? [])
    if (!Object.hasOwn(object, name)) findings.errors.push(required(at.child(name)));
}

function checkCombinations(at: Path, value: unknown, schema: Schema, old: Old | undefined, findings: Findings): void {
  const { allOf, anyOf, oneOf, not }: JsonObject = schema;
  const found = (schemas: unknown): Findings[] =>
    Array.isArray(schemas) ? schemas.map((each) => findingsOf(at, value, each, old)) : [];
  const isValid = ({ errors }: Findings) => errors.length === 0;
  // These are about no field, in Kubernetes: its <nil> is a path that is not there.
  const bad = (detail: string) =>
    findings.errors.push({
      type: "FieldValueInvalid",
      field: "<nil>",
      value: "",
      detail: `${JSON.stringify(String(at))} ${detail}`,
    });
  const merge = (each: Findings | undefined) => {
    append(findings.errors, each?.errors ?? []);
    findings.applied += each?.applied ?? 0;
  };
  const any = found(anyOf);
  if (any.length > 0 && !any.some(isValid)) {
    bad("must validate at least one schema (anyOf)");
    merge(mostTelling(any));
  }
  const one = found(oneOf);
  const fitting = one.filter(isValid).length;
  if (one.length > 0 && fitting !== 1) {
    const detail = fitting === 0 ? "Found none valid" : `Found ${fitting} valid alternatives`;
    bad(`must validate one and only one schema (oneOf). ${detail}`);
    if (fitting === 0) merge(mostTelling(one));
  }
  const all = found(allOf);
  for (const each of all) merge(each);
  if (!all.every(isValid)) bad(`must validate all the schemas (allOf)${all.some(isValid) ? "" : ". None validated"}`);
  if (isObject(not) && isValid(findingsOf(at, value, not, undefined))) bad("must not validate the schema (not)");
}

function mostTelling(findings: readonly Findings[]): Findings | undefined {
  return findings.reduce<Findings | undefined>(
    (best, each) => (best === undefined || each.applied > best.applied ? each : best),
    undefined,
  );
}
