// Pruning and defaults of custom resources by the structural schema of their CRD, as
// k8s.io/apiextensions-apiserver/pkg/apiserver/schema does. Both change the value that they are given: it is a draft.
import { formatJson } from "../../lib/index.ts";
import { tooLarge } from "../meta/index.ts";
import { copyJson } from "./decoder.ts";
import { isObject } from "./json-value.ts";
import type { Schema } from "./schema.ts";

/** An object that may be changed. */
function isDraft(value: unknown): value is Record<string, unknown> {
  return isObject(value);
}

/** Fields that every object has, whatever its schema says. */
const objectFields = new Set(["apiVersion", "kind", "metadata"]);

/**
 * Removes from a whole object what its schema does not know, and answers the paths of what went, as `spec.foo`.
 * x-kubernetes-preserve-unknown-fields keeps what it stands on. A value that is no whole object has no apiVersion, kind
 * and metadata of itself.
 */
export function pruneUnknownFields(
  value: unknown,
  schema: Schema,
  { isObject = true }: { readonly isObject?: boolean } = {},
): string[] {
  const removed: string[] = [];
  prune(value, schema, "", isObject, removed);
  return removed;
}

function prune(value: unknown, schema: Schema, path: string, isObjectRoot: boolean, removed: string[]): void {
  if (Array.isArray(value)) {
    const items = schema.items;
    if (items) for (const [index, each] of value.entries()) prune(each, items, `${path}[${index}]`, false, removed);
    return;
  }
  if (!isDraft(value)) return;
  const isEmbedded = isObjectRoot || schema["x-kubernetes-embedded-resource"] === true;
  const properties = schema.properties ?? {};
  for (const key of Object.keys(value)) {
    if (isEmbedded && objectFields.has(key)) continue;
    const place = path === "" ? key : `${path}.${key}`;
    if (Object.hasOwn(properties, key)) prune(value[key], properties[key]!, place, false, removed);
    else if (isSchema(schema.additionalProperties))
      prune(value[key], schema.additionalProperties, place, false, removed);
    else if (schema.additionalProperties !== true && schema["x-kubernetes-preserve-unknown-fields"] !== true) {
      delete value[key];
      removed.push(place);
    }
  }
}

function isSchema(additional: Schema | boolean | undefined): additional is Schema {
  return typeof additional === "object";
}

/** What defaults may add to one object, in the length of their JSON: a list of small items could become gigabytes. */
const defaultsLengthMax = 8 * 1024 * 1024;

const defaultLengths = new WeakMap<Schema, number>();

/** The filling of one object with defaults. */
class Filling {
  #lengthLeft = defaultsLengthMax;

  /** A copy of the schema's default. Throws ApiError 413 when they are too many. */
  take(schema: Schema): unknown {
    const length = defaultLengths.getOrInsertComputed(schema, () => formatJson(schema.default).length);
    this.#lengthLeft -= length;
    if (this.#lengthLeft < 0) throw tooLarge("the object is too large with the defaults of its schema");
    return copyJson(schema.default);
  }
}

/**
 * Fills in the defaults of the schema, and removes nulls that are not allowed and have no default.
 * A default applies where the object around it exists. Throws ApiError 413 when the object becomes too large.
 */
export function applySchemaDefaults(value: unknown, schema: Schema): void {
  fill(value, schema, new Filling());
}

function fill(value: unknown, schema: Schema, filling: Filling): void {
  if (Array.isArray(value)) {
    const items = schema.items;
    if (!items) return;
    for (const [index, each] of value.entries()) {
      if (each === null && !items.nullable && items.default !== undefined) value[index] = filling.take(items);
      fill(value[index], items, filling);
    }
    return;
  }
  if (!isDraft(value)) return;
  const properties = schema.properties ?? {};
  for (const [name, property] of Object.entries(properties)) {
    const isMissing = !Object.hasOwn(value, name) || (value[name] === null && !property.nullable);
    if (!isMissing) continue;
    if (property.default !== undefined) value[name] = filling.take(property);
    else delete value[name];
  }
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(properties, key)) fill(value[key], properties[key]!, filling);
    else if (isSchema(schema.additionalProperties)) {
      const additional = schema.additionalProperties;
      if (value[key] === null && !additional.nullable) {
        if (additional.default === undefined) {
          delete value[key];
          continue;
        }
        value[key] = filling.take(additional);
      }
      fill(value[key], additional, filling);
    }
  }
}
