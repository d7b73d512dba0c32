// How a value divides into fields that can be owned, by its schema: k8s.io/structured-merge-diff/typed.
import { badRequest } from "../meta/index.ts";
import {
  definitions,
  isObject,
  type JsonObject,
  type ResolveReference,
  resolveBuiltIn,
  type Schema,
} from "../schema/index.ts";
import { type FieldPath, fieldElement, formatPath } from "./field-set.ts";

/** A schema and what finds the schemas that it refers to. */
export interface Typed {
  readonly schema: Schema;
  readonly resolve: ResolveReference;
}

/** A value that is owned as a whole, an object of fields, or a list of items with identities. */
export type Shape =
  | { readonly type: "leaf" }
  | {
      readonly type: "object";
      readonly object: JsonObject;
      readonly fieldOf: (name: string) => Typed;
      readonly isNamed: (name: string) => boolean;
    }
  | {
      readonly type: "list";
      readonly list: readonly unknown[];
      readonly item: Typed;
      readonly elementOf: (item: unknown) => string | undefined;
    };

const leaf: Shape = { type: "leaf" };
const untyped: Schema = {};
const metadataSchema = definitions["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"] ?? untyped;

/** What is below a value that no schema describes. */
export const untypedValue: Typed = { schema: untyped, resolve: resolveBuiltIn };

/** The schema of a whole object: metadata is typed whatever the kind's schema says of it. */
export function typedObject(schema: Schema, resolve: ResolveReference): Typed {
  const resolveAny: ResolveReference = (reference) =>
    reference.startsWith("#/definitions/io.k8s.") ? resolveBuiltIn(reference) : resolve(reference);
  const identity = { apiVersion: { type: "string" }, kind: { type: "string" }, metadata: metadataSchema };
  return { schema: { ...schema, properties: { ...schema.properties, ...identity } }, resolve: resolveAny };
}

/** The shape of a value; where the schema and the value disagree, or nothing is said, lists are owned as a whole. */
export function shapeOf(value: unknown, typed: Typed): Shape {
  if (isObject(value)) return objectShape(value, typed);
  return Array.isArray(value) ? listShape(value, typed) : leaf;
}

function resolved({ schema, resolve }: Typed): Schema {
  return schema.$ref ? resolve(schema.$ref) : schema;
}

function objectShape(object: JsonObject, typed: Typed): Shape {
  const schema = resolved(typed);
  const mapType = typed.schema["x-kubernetes-map-type"] ?? schema["x-kubernetes-map-type"];
  if (mapType === "atomic") return leaf;
  const { resolve } = typed;
  const properties = schema.properties ?? {};
  const additional = typeof schema.additionalProperties === "object" ? schema.additionalProperties : untyped;
  const isNamed = (name: string) => Object.hasOwn(properties, name);
  return {
    type: "object",
    object,
    isNamed,
    fieldOf: (name) => ({ schema: isNamed(name) ? properties[name]! : additional, resolve }),
  };
}

function listShape(list: readonly unknown[], typed: Typed): Shape {
  const schema = resolved(typed);
  const item: Typed = { schema: schema.items ?? untyped, resolve: typed.resolve };
  switch (schema["x-kubernetes-list-type"]) {
    case "set":
      return { type: "list", list, item, elementOf: (value) => `v:${JSON.stringify(value)}` };
    case "map": {
      const keys = [...(schema["x-kubernetes-list-map-keys"] ?? [])].sort();
      const fields = resolved(item).properties ?? {};
      return { type: "list", list, item, elementOf: (value) => keyedElement(value, keys, fields) };
    }
    default:
      return leaf;
  }
}

function keyedElement(
  item: unknown,
  keys: readonly string[],
  fields: Readonly<Record<string, Schema>>,
): string | undefined {
  if (!isObject(item)) return undefined;
  const identity: Record<string, unknown> = {};
  for (const key of keys) {
    const value = item[key] ?? fields[key]?.default ?? keyDefaults[key];
    if (value === undefined) return undefined;
    identity[key] = value;
  }
  return `k:${JSON.stringify(identity)}`;
}

/** The only key of a list in the built-in types that may be left out: the protocol of ports. */
const keyDefaults: Readonly<Record<string, unknown>> = { protocol: "TCP" };

/** The items of a list by their elements, in order; an item without an identity, or a second one, is left out. */
export function itemsByElement({ list, elementOf }: Extract<Shape, { readonly type: "list" }>): Map<string, unknown> {
  const items = new Map<string, unknown>();
  for (const item of list) {
    const element = elementOf(item);
    if (element !== undefined && !items.has(element)) items.set(element, item);
  }
  return items;
}

/** Throws a 400 when a configuration to apply has fields that the schema does not, or items without identity. */
export function checkApplied(value: unknown, typed: Typed, path: FieldPath, subject: string): void {
  const fail = (where: FieldPath, why: string) =>
    badRequest(`failed to create typed patch object (${subject}): ${formatPath(where)}: ${why}`);
  const shape = shapeOf(value, typed);
  if (shape.type === "object") {
    const schema = resolved(typed);
    const isClosed =
      schema.properties !== undefined &&
      !schema.additionalProperties &&
      !schema["x-kubernetes-preserve-unknown-fields"];
    for (const [name, each] of Object.entries(shape.object)) {
      const here = [...path, fieldElement(name)];
      if (isClosed && !shape.isNamed(name)) throw fail(here, "field not declared in schema");
      checkApplied(each, shape.fieldOf(name), here, subject);
    }
  } else if (shape.type === "list") {
    const seen = new Set<string>();
    for (const [index, item] of shape.list.entries()) {
      const element = shape.elementOf(item);
      if (element === undefined)
        throw fail(path, `element ${index}: associative list with keys has an element that omits a key field`);
      if (seen.has(element)) throw fail(path, `duplicate entries for key ${formatPath([element])}`);
      seen.add(element);
      checkApplied(item, shape.item, [...path, element], subject);
    }
  }
}
