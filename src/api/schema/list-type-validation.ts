// Sets hold each value once, maps each combination of their keys:
// k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype.
import { formatJson } from "../../lib/index.ts";
import { duplicate, type FieldError, type Path } from "../meta/index.ts";
import { fieldOf, isObject, setField } from "./json-value.ts";
import type { Schema } from "./schema.ts";

/** What stands twice in the lists of a value that are sets or maps. */
export function validateListTypes(at: Path, value: unknown, schema: Schema): FieldError[] {
  const errors: FieldError[] = [];
  check(at, value, schema, errors);
  return errors;
}

function check(at: Path, value: unknown, schema: Schema, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const [index, each] of value.entries()) check(at.index(index), each, schema.items, errors);
    checkUnique(at, value, schema, errors);
  } else if (isObject(value)) {
    const { properties = {}, additionalProperties } = schema;
    for (const [key, each] of Object.entries(value)) {
      if (Object.hasOwn(properties, key)) check(at.child(key), each, properties[key]!, errors);
      else if (typeof additionalProperties === "object") check(at.key(key), each, additionalProperties, errors);
    }
  }
}

function checkUnique(at: Path, list: readonly unknown[], schema: Schema, errors: FieldError[]): void {
  const listType = schema["x-kubernetes-list-type"];
  if (listType !== "set" && listType !== "map") return;
  const seen = new Set<string>();
  for (const [index, each] of list.entries()) {
    const identity = listType === "set" ? each : keysOf(each, schema);
    const text = canonicalText(identity);
    if (seen.has(text)) errors.push(duplicate(at.index(index), identity));
    seen.add(text);
  }
}

/** What tells an item of a list of type map from the others. */
export function mapItemIdentity(item: unknown, list: Schema): string {
  return canonicalText(keysOf(item, list));
}

function keysOf(item: unknown, list: Schema): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const key of list["x-kubernetes-list-map-keys"] ?? []) {
    const value = (isObject(item) ? fieldOf(item, key) : undefined) ?? list.items?.properties?.[key]?.default;
    if (value !== undefined) setField(values, key, value);
  }
  return values;
}

/** The same text for values that are equal, whatever the order of their members. */
function canonicalText(value: unknown): string {
  return formatJson(withKeysInOrder(value));
}

function withKeysInOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withKeysInOrder);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, withKeysInOrder(each)]));
}
