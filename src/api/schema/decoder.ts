// The compiled walker of built-in types: turns a JSON value into an object exactly as decoding it into Kubernetes' Go
// types and encoding it again would. A schema is compiled once into closures; see go-types.ts for what it adds.
import { formatJson, int64 } from "../../lib/index.ts";
import { canonicalMicroTime, canonicalQuantity, canonicalTime } from "../meta/index.ts";
import { conversionError, DecodeError, type GoKind } from "./decode-error.ts";
import { definitions } from "./facts.ts";
import { goTypeName, isAlwaysPresent, shortName, stringTypeName, vanishesWhenZero } from "./go-types.ts";
import { isObject, jsonType, setField } from "./json-value.ts";
import type { Schema } from "./schema.ts";
import { isSettled } from "./settled-values.ts";
import { writtenWhenEmpty } from "./written-when-empty.ts";

interface MapKey {
  readonly key: string;
}

/** One decoding: where it stands, and what it found. */
interface Decoding {
  /** Fields as strings, indexes as numbers, keys of maps as MapKey. */
  readonly path: (string | number | MapKey)[];
  /** The innermost struct; messages name it. */
  struct: string;
  readonly unknownFields: string[];
}

/** Gives the decoded value, or undefined for what is left out. Throws a DecodeError. */
type Decode = (value: unknown, decoding: Decoding) => unknown;

export interface DecodedValue {
  readonly value: Record<string, unknown>;
  /** Paths of the fields that the type does not have, as `spec.containers[0].foo`. */
  readonly unknownFields: readonly string[];
}

const objectDecoders = new Map<string, Decode>();

/** Decodes a value as the built-in definition; what it does not have is left out. Throws a DecodeError. */
export function decodeAs(definition: string, value: unknown): DecodedValue {
  const decoding: Decoding = { path: [], struct: goName(definition), unknownFields: [] };
  const decoded = objectDecoder(definition)(value ?? {}, decoding);
  // An object decoder gives an object or throws.
  return { value: decoded as Record<string, unknown>, unknownFields: decoding.unknownFields };
}

/** The one type of which values are settled: it is large, part of many kinds, and seldom what an update is about. */
const podTemplate = "io.k8s.api.core.v1.PodTemplateSpec";
/** And the one field: it is the larger half of a small object, and an update says of it what was there. */
const managers = { definition: "meta.v1.ObjectMeta", field: "managedFields" };

function unlessSettled(decode: Decode): Decode {
  return (value, decoding) => (isSettled(value) ? value : decode(value, decoding));
}

function goName(definition: string): string {
  return definition.slice(definition.lastIndexOf(".") + 1);
}

/** The decoder of a definition, compiled when it is first needed. */
function objectDecoder(definition: string): Decode {
  const known = objectDecoders.get(definition);
  if (known) return known;
  const schema = definitions[definition];
  if (!schema) throw new Error(`no definition ${definition} among the facts of Kubernetes`);
  let compiled: Decode | undefined;
  // Types that hold themselves (JSONSchemaProps) find this one while they are compiled.
  objectDecoders.set(definition, (value, decoding) => compiled!(value, decoding));
  compiled = special[definition] ?? (schema.properties ? structDecoder(definition, schema) : anything);
  if (definition === podTemplate) compiled = unlessSettled(compiled);
  objectDecoders.set(definition, compiled);
  return compiled;
}

interface Field {
  readonly name: string;
  readonly decode: Decode;
}

function structDecoder(definition: string, schema: Schema): Decode {
  const short = shortName(definition);
  const struct = goName(definition);
  const isKind = schema["x-kubernetes-group-version-kind"] !== undefined;
  const fields = new Map<string, Field>();
  const present: Field[] = [];
  const written: (readonly [name: string, empty: unknown])[] = [];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const isRequired = schema.required?.includes(name) ?? false;
    const decode = fieldDecoder(property, { definition: short, field: name, isRequired });
    const isManagers = short === managers.definition && name === managers.field;
    const field = { name, decode: isManagers ? unlessSettled(decode) : decode };
    fields.set(name, field);
    if (property.$ref && isAlwaysPresent(short, name, { isKind, isRequired }) && isStruct(property.$ref))
      present.push(field);
    const empty = writtenWhenEmpty(short, name);
    if (empty !== undefined) written.push([name, empty]);
  }
  const type = goTypeName(definition);
  return (value, decoding) => {
    if (!isObject(value)) throw mismatch(value, type, "struct", decoding);
    const outer = decoding.struct;
    decoding.struct = struct;
    const result: Record<string, unknown> = {};
    for (const name of Object.keys(value)) {
      const each = value[name];
      const field = fields.get(name);
      if (!field) {
        if (each !== undefined) decoding.unknownFields.push(placeOf(decoding, name));
        continue;
      }
      if (each === null || each === undefined) continue;
      decoding.path.push(name);
      const decoded = field.decode(each, decoding);
      decoding.path.pop();
      if (decoded !== undefined) result[name] = decoded;
    }
    for (const { name, decode } of present)
      if (result[name] === undefined) {
        decoding.path.push(name);
        result[name] = decode({}, decoding);
        decoding.path.pop();
      }
    for (const [name, empty] of written) result[name] ??= empty;
    decoding.struct = outer;
    return result;
  };
}

function isStruct(reference: string): boolean {
  return definitions[reference.slice(prefixLength)]?.properties !== undefined;
}

const prefixLength = "#/definitions/".length;

interface Place {
  /** The short name of the struct. */
  readonly definition: string;
  readonly field: string;
  readonly isRequired: boolean;
}

function fieldDecoder(schema: Schema, place: Place): Decode {
  const decode = valueDecoder(schema, place);
  // Stored as protobuf a list without entries is none.
  const isEmptyList = schema.type === "array" && writtenWhenEmpty(place.definition, place.field) === null;
  if (place.isRequired && !isEmptyList) return decode;
  if (schema.type === "array" || schema.additionalProperties) return unlessEmpty(decode);
  if (schema.$ref || !vanishesWhenZero(place.definition, place.field, schema.type)) return decode;
  return (value, decoding) => decode(value, decoding) || undefined;
}

/** Go leaves out lists and maps without entries. */
function unlessEmpty(decode: Decode): Decode {
  return (value, decoding) => {
    const decoded = decode(value, decoding);
    const isEmpty = Array.isArray(decoded) ? decoded.length === 0 : isObject(decoded) && !hasMembers(decoded);
    return isEmpty ? undefined : decoded;
  };
}

function hasMembers(object: object): boolean {
  for (const _ in object) return true;
  return false;
}

function valueDecoder(schema: Schema, place: Place): Decode {
  if (schema.$ref) return objectDecoder(schema.$ref.slice(prefixLength));
  switch (schema.type) {
    case "string":
      return schema.format === "byte" ? base64 : stringDecoder(stringTypeName(place.definition, place.field));
    case "boolean":
      return boolean;
    case "integer":
      return integerDecoder(schema.format === "int32" ? "int32" : "int64");
    case "number":
      return number;
    case "array":
      return listDecoder(schema.items ?? {}, place);
    case "object":
      return typeof schema.additionalProperties === "object"
        ? mapDecoder(schema.additionalProperties, place)
        : anything;
    default:
      return anything;
  }
}

function listDecoder(items: Schema, place: Place): Decode {
  const decode = valueDecoder(items, { ...place, field: "" });
  const type = `[]${typeName(items)}`;
  return (value, decoding) => {
    if (!Array.isArray(value)) throw mismatch(value, type, "slice", decoding);
    const at = decoding.path.length;
    const list = new Array<unknown>(value.length);
    for (let index = 0; index < value.length; index++) {
      decoding.path[at] = index;
      list[index] = decode(value[index] ?? zeroOf(items), decoding);
    }
    decoding.path.length = at;
    return list;
  };
}

function mapDecoder(values: Schema, place: Place): Decode {
  const decode = valueDecoder(values, { ...place, field: "" });
  const type = values.$ref?.endsWith(".Quantity") ? "v1.ResourceList" : `map[string]${typeName(values)}`;
  // Only types that can hold unknown fields need to know the key that they stand under.
  const needsPath = values.$ref !== undefined || values.type === "array";
  return (value, decoding) => {
    if (!isObject(value)) throw mismatch(value, type, "map", decoding);
    const map: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const each = value[key] ?? zeroOf(values);
      if (needsPath) decoding.path.push({ key });
      setField(map, key, decode(each, decoding));
      if (needsPath) decoding.path.pop();
    }
    return map;
  };
}

/** What null means as an item or a map's value, where it cannot be left out. */
function zeroOf(schema: Schema): unknown {
  if (schema.$ref?.endsWith(".Quantity")) return "0";
  if (schema.$ref) return isStruct(schema.$ref) ? {} : null;
  if (schema.type === "string") return "";
  if (schema.type === "integer" || schema.type === "number") return 0;
  if (schema.type === "boolean") return false;
  return schema.type === "array" ? [] : {};
}

/** The Go type of a schema, as messages print it. */
function typeName(schema: Schema): string {
  if (schema.$ref) return goTypeName(schema.$ref);
  switch (schema.type) {
    case "integer":
      return schema.format === "int32" ? "int32" : "int64";
    case "number":
      return "float64";
    case "boolean":
      return "bool";
    case "array":
      return `[]${typeName(schema.items ?? {})}`;
    case "object":
      return typeof schema.additionalProperties === "object"
        ? `map[string]${typeName(schema.additionalProperties)}`
        : "";
    default:
      return schema.format === "byte" ? "[]uint8" : "string";
  }
}

function stringDecoder(type: string): Decode {
  return (value, decoding) => {
    if (typeof value !== "string") throw mismatch(value, type, "string", decoding);
    return value;
  };
}

const boolean: Decode = (value, decoding) => {
  if (typeof value !== "boolean") throw mismatch(value, "bool", "bool", decoding);
  return value;
};

const number: Decode = (value, decoding) => {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "number") throw mismatch(value, "float64", "float64", decoding);
  return value;
};

function integerDecoder(type: "int32" | "int64"): Decode {
  const bits = type === "int32" ? 32 : 64;
  return (value, decoding) => {
    // The most are small. -0 is an integer of JSON but not of Go.
    if (typeof value === "number" && value >= -(2 ** 31) && value < 2 ** 31 && Number.isInteger(value))
      return value + 0;
    if (typeof value !== "number" && typeof value !== "bigint") throw mismatch(value, type, type, decoding);
    const isWhole = typeof value === "bigint" || Number.isInteger(value);
    if (!isWhole || BigInt.asIntN(bits, BigInt(value)) !== BigInt(value))
      throw mismatch(value, type, type, decoding, `number ${value}`);
    return int64(BigInt(value));
  };
}

const base64: Decode = (value, decoding) => {
  if (typeof value !== "string") throw mismatch(value, "[]uint8", "slice", decoding);
  const text = /[\r\n]/.test(value) ? value.replace(/[\r\n]/g, "") : value;
  if (base64Pattern.test(text) && text.length % 4 === 0) return text;
  const wrong = /[^A-Za-z0-9+/]/.exec(text.replace(/={1,2}$/, ""))?.index;
  const message = `illegal base64 data at input byte ${wrong ?? text.length - (text.length % 4 || 1)}`;
  throw new DecodeError(message, `error decoding from json: ${message}`);
};

const base64Pattern = /^[A-Za-z0-9+/]*={0,2}$/;

const anything: Decode = (value) => copyJson(value);

/** A copy of any JSON value; members that are undefined are left out. */
export function copyJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyJson);
  if (!isObject(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const each = value[key];
    if (each !== undefined) setField(copy, key, copyJson(each));
  }
  return copy;
}

/** A string in the form that the API keeps; what `canonical` throws is the message. */
function textDecoder(canonical: (text: string) => string): Decode {
  return (value) => {
    // These types decode themselves in Go, and know nothing of the field that they stand in.
    if (typeof value !== "string")
      throw new DecodeError(`json: cannot unmarshal ${jsonType(value)} into Go value of type string`);
    return canonicalText(canonical, value);
  };
}

function canonicalText(canonical: (text: string) => string, text: string): string {
  try {
    return canonical(text);
  } catch (error) {
    throw new DecodeError(error instanceof Error ? error.message : String(error));
  }
}

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1.";

/** Types that decode themselves. */
const special: Readonly<Record<string, Decode>> = {
  [`${meta}Time`]: textDecoder(canonicalTime),
  [`${meta}MicroTime`]: textDecoder(canonicalMicroTime),
  "io.k8s.apimachinery.pkg.api.resource.Quantity": (value) =>
    canonicalText(canonicalQuantity, typeof value === "string" ? value.trim() : (formatJson(value) ?? "")),
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": (value) => {
    if (typeof value === "string") return value;
    if (typeof value === "number" && Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31)
      return value + 0;
    const what = jsonType(value) === "number" ? `number ${value}` : jsonType(value);
    throw new DecodeError(`json: cannot unmarshal ${what} into Go value of type int32`);
  },
};

function mismatch(
  value: unknown,
  type: string,
  kind: GoKind,
  { path, struct }: Decoding,
  what = jsonType(value),
): DecodeError {
  const fields = path.filter((each) => typeof each === "string").join(".");
  const place = fields === "" ? "Go value" : `Go struct field ${struct}.${fields}`;
  const message = `json: cannot unmarshal ${what} into ${place} of type ${type}`;
  return new DecodeError(message, conversionError(value, type, kind));
}

function placeOf({ path }: Decoding, name: string): string {
  let place = "";
  for (const each of [...path, name])
    if (typeof each === "number") place += `[${each}]`;
    else {
      const text = typeof each === "string" ? each : each.key;
      place += place === "" ? text : `.${text}`;
    }
  return place;
}
