// The types that schemas of OpenAPI give to values, with the sizes that values can have at most.
// Sources: k8s.io/apiserver/pkg/cel/common/schemas.go, pkg/cel/limits.go, pkg/cel/escaping.go.
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#type-checking
import type { Int64 } from "../lib/index.ts";
import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  durationType,
  dynType,
  type Field,
  intType,
  stringType,
  timestampType,
} from "./types.ts";

/** As much of a structural schema as types are made of; what api calls Schema and JSONSchemaProps are such. */
export interface TypeSchema {
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, TypeSchema>>;
  readonly required?: readonly string[];
  readonly items?: TypeSchema | readonly TypeSchema[];
  readonly additionalProperties?: TypeSchema | boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly maxItems?: Int64;
  readonly maxLength?: Int64;
  readonly maxProperties?: Int64;
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
}

const requestBytesMax = 3 * 1024 * 1024;
const textMax = requestBytesMax - 2;
const minObjectSize = 2;

interface Sized {
  readonly type: CelType;
  /** The fewest bytes of JSON that a value can be: how many fit into a request depends on it. */
  readonly minBytes: number;
}

/**
 * The type of values of a schema, named as a path from the given name; undefined where expressions cannot look at them.
 * At a resource's root apiVersion, kind, metadata.name and metadata.generateName are always there.
 */
export function schemaType(schema: TypeSchema, name: string, isResourceRoot = false): CelType | undefined {
  return sizedType(schema, name, isResourceRoot)?.type;
}

/** The most values of the schema that fit into one request; undefined where expressions cannot look at them. */
export function valuesMax(schema: TypeSchema, isResourceRoot = false): number | undefined {
  const sized = sizedType(schema, "value", isResourceRoot);
  // Each is followed by a comma.
  return sized && Math.floor(requestBytesMax / (sized.minBytes + 1));
}

function sizedType(given: TypeSchema, name: string, isResourceRoot: boolean): Sized | undefined {
  if (given["x-kubernetes-int-or-string"]) return { type: { ...dynType, maxElements: textSize(given) }, minBytes: 1 };
  const schema = isResourceRoot ? withObjectMeta(given) : given;
  switch (schema.type) {
    case "array":
      return arrayType(schema, name);
    case "object":
      return typeof schema.additionalProperties === "object" ? mapOf(schema, name) : objectOf(schema, name);
    case "string":
      return textType(schema);
    case "boolean":
      return { type: boolType, minBytes: 4 };
    case "number":
      return { type: doubleType, minBytes: 1 };
    case "integer":
      return { type: intType, minBytes: 1 };
    default:
      return undefined;
  }
}

function embedded(schema: TypeSchema, name: string): Sized | undefined {
  return sizedType(schema, name, schema["x-kubernetes-embedded-resource"] === true);
}

function arrayType(schema: TypeSchema, name: string): Sized | undefined {
  const items = schema.items;
  if (!items || Array.isArray(items)) return undefined;
  // Array.isArray does not narrow readonly arrays.
  const element = embedded(items as TypeSchema, `${name}.@idx`);
  if (!element) return undefined;
  const listKeys = listKeysOf(schema);
  return {
    type: {
      kind: "list",
      name: "list",
      element: element.type,
      maxElements: Math.max(0, Number(schema.maxItems ?? Math.floor((requestBytesMax - 2) / (element.minBytes + 1)))),
      ...(listKeys && { listKeys }),
    },
    minBytes: 2,
  };
}

function listKeysOf(schema: TypeSchema): "set" | readonly string[] | undefined {
  if (schema["x-kubernetes-list-type"] === "set") return "set";
  if (schema["x-kubernetes-list-type"] !== "map") return undefined;
  return (schema["x-kubernetes-list-map-keys"] ?? []).map((key) => escapeFieldName(key) ?? key);
}

function mapOf({ additionalProperties, maxProperties }: TypeSchema, name: string): Sized | undefined {
  const value = typeof additionalProperties === "object" ? embedded(additionalProperties, `${name}.@elem`) : undefined;
  if (!value) return undefined;
  return {
    type: {
      kind: "map",
      name: "map",
      key: stringType,
      value: value.type,
      // Of each pair, beside the value: quotes, a key of two characters, colon and comma.
      maxElements: Math.max(0, Number(maxProperties ?? Math.floor((requestBytesMax - 2) / (value.minBytes + 6)))),
    },
    minBytes: 2,
  };
}

function objectOf({ properties = {}, required = [] }: TypeSchema, name: string): Sized {
  const fields = new Map<string, Field>();
  let minBytes = minObjectSize;
  for (const [jsonName, property] of Object.entries(properties)) {
    const escaped = escapeFieldName(jsonName);
    const field = embedded(property, `${name}.${escaped ?? jsonName}`);
    if (!field) continue;
    if (escaped !== undefined) fields.set(escaped, { type: field.type, jsonName });
    if (required.includes(jsonName) && (property.default === undefined || property.default === null))
      minBytes += jsonName.length + field.minBytes + 4;
  }
  return { type: { kind: "object", name, fields }, minBytes };
}

function textType(schema: TypeSchema): Sized {
  switch (schema.format) {
    case "byte":
      return { type: { ...bytesType, maxElements: Math.max(0, Number(schema.maxLength ?? textMax)) }, minBytes: 2 };
    case "duration":
      return { type: { ...durationType, maxElements: 32 }, minBytes: 3 };
    case "date":
      return { type: { ...timestampType, maxElements: 12 }, minBytes: 12 };
    case "date-time":
      return { type: { ...timestampType, maxElements: 32 }, minBytes: 21 };
    default:
      return { type: { ...stringType, maxElements: textSize(schema) }, minBytes: 2 };
  }
}

/** In bytes, of which a character has up to four. */
function textSize({ maxLength, enum: values = [] }: TypeSchema): number {
  if (maxLength !== undefined) return Math.max(0, Number(maxLength)) * 4;
  if (values.length === 0) return textMax;
  return Math.max(
    0,
    ...values.map((value) => (typeof value === "string" ? new TextEncoder().encode(value).length : 0)),
  );
}

function withObjectMeta(schema: TypeSchema): TypeSchema {
  const text: TypeSchema = { type: "string" };
  const metadata: TypeSchema = { type: "object", properties: { name: text, generateName: text } };
  return { ...schema, type: "object", properties: { ...schema.properties, kind: text, apiVersion: text, metadata } };
}

const reserved = new Set([
  ...["true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import"],
  ...["let", "loop", "package", "namespace", "return", "var", "void", "while"],
]);
const escapes: Readonly<Record<string, string>> = {
  __: "__underscores__",
  ".": "__dot__",
  "-": "__dash__",
  "/": "__slash__",
};

/** The name by which expressions know a field; undefined for one that they cannot name. */
function escapeFieldName(name: string): string | undefined {
  if (!/^[A-Za-z_./-][A-Za-z0-9_./-]*$/.test(name)) return undefined;
  if (reserved.has(name)) return `__${name}__`;
  return name.replace(/__|[./-]/g, (part) => escapes[part] as string); // every part has one
}
