// How values of a type divide into fields that can be owned: what sigs.k8s.io/structured-merge-diff calls a schema, made
// of an OpenAPI schema as k8s.io/kube-openapi/pkg/schemaconv makes it. A type is compiled once, when it is first needed.
import { formatJson } from "../../lib/index.ts";
import { isObject, resolveBuiltIn, type Schema } from "../schema/index.ts";
import { fieldElement } from "./field-set.ts";

/** What values of a type may be: any of the three, where the schema leaves it open. */
export interface FieldType {
  readonly map: MapType | undefined;
  readonly scalar: ScalarType | undefined;
  readonly list: ListType | undefined;
}

export type ScalarType = "string" | "number" | "boolean" | "any";

/** A part of a value: under which path element, and of which type. */
export interface Part {
  readonly element: string;
  readonly type: FieldType;
  /** Whether the schema names it, as a field of a struct and not as a key of a map. */
  readonly isNamed: boolean;
}

/** An object, a map or a struct. */
export class MapType {
  /** Owned and replaced as a whole. */
  readonly isAtomic: boolean;
  /** The type of what the schema does not name; undefined where it allows nothing else. */
  readonly #others: () => FieldType | undefined;
  readonly #properties: Readonly<Record<string, Schema>>;
  readonly #preserves: boolean;
  readonly #fields = new Map<string, Part>();

  constructor(schema: Schema, isAtomic: boolean, preserves: boolean) {
    this.isAtomic = isAtomic;
    this.#properties = schema.properties ?? {};
    this.#preserves = preserves;
    const { additionalProperties: additional } = schema;
    if (typeof additional === "object") this.#others = () => compiled(additional, preserves);
    else if (additional === true) this.#others = () => anyType;
    else if (additional === false) this.#others = () => undefined;
    else this.#others = preserves || Object.keys(this.#properties).length === 0 ? () => anyType : () => undefined;
  }

  /** What a field is; undefined where the schema allows none of the name. */
  part(name: string): Part | undefined {
    const known = this.#fields.get(name);
    if (known) return known;
    if (Object.hasOwn(this.#properties, name)) {
      const type = compiled(this.#properties[name]!, this.#preserves);
      const part = { element: fieldElement(name), type, isNamed: true };
      this.#fields.set(name, part);
      return part;
    }
    const type = this.#others();
    return type && { element: fieldElement(name), type, isNamed: false };
  }

  /** As part, for a value that is there whatever the schema says. */
  partOf(name: string): Part {
    return this.part(name) ?? { element: fieldElement(name), type: anyType, isNamed: false };
  }
}

/** A list: owned as a whole, a set of scalars, or items that some of their fields identify. */
export interface ListType {
  readonly isAtomic: boolean;
  readonly item: FieldType;
  /** The keys that identify an item, sorted; none in a set. */
  readonly keys: readonly string[];
  /** The path element of an item; undefined when it has no identity. */
  readonly elementOf: (item: unknown) => string | undefined;
}

/** Whatever nothing is known about: maps divide, lists do not. */
export const anyType: FieldType = {
  map: new MapType({ additionalProperties: true }, false, true),
  scalar: "any",
  get list() {
    return anyList;
  },
};

const anyList: ListType = { isAtomic: true, item: anyType, keys: [], elementOf: elementOfSet };

const identity = {
  apiVersion: { type: "string" },
  kind: { type: "string" },
  metadata: { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
};

const roots = new WeakMap<Schema, FieldType>();
/** By whether unknown fields are preserved around the schema. */
const types = { true: new WeakMap<Schema, FieldType>(), false: new WeakMap<Schema, FieldType>() };

/** The type of whole objects with this schema: their metadata is typed whatever the schema says of it. */
export function objectType(schema: Schema): FieldType {
  let type = roots.get(schema);
  if (!type) {
    type = compiled({ ...schema, type: "object", properties: { ...schema.properties, ...identity } }, false);
    roots.set(schema, type);
  }
  return type;
}

function compiled(schema: Schema, preserves: boolean): FieldType {
  const known = types[`${preserves}`].get(schema);
  if (known) return known;
  const type = compile(schema, preserves);
  types[`${preserves}`].set(schema, type);
  return type;
}

function compile(schema: Schema, preservesAround: boolean): FieldType {
  if (schema.$ref) return referenced(schema, schema.$ref);
  const preserves = preservesAround || schema["x-kubernetes-preserve-unknown-fields"] === true;
  switch (schema.type) {
    case "object":
      return { map: mapType(schema, preserves), scalar: undefined, list: undefined };
    case "array":
      return { map: undefined, scalar: undefined, list: listType(schema, preserves) };
    case "integer":
    case "number":
      return scalar("number");
    case "boolean":
      return scalar("boolean");
    case "string":
      return scalar(schema.format === undefined || schema.format === "byte" ? "string" : "any");
    default:
      return { map: mapType(schema, preserves), scalar: "any", list: listType(schema, preserves) };
  }
}

/** The published document says string where its Go type also reads numbers. */
const quantity = "#/definitions/io.k8s.apimachinery.pkg.api.resource.Quantity";

function referenced(schema: Schema, reference: string): FieldType {
  if (reference === quantity) return anyType;
  const target = resolveBuiltIn(reference);
  const mapType = schema["x-kubernetes-map-type"];
  // What stands beside the reference says how this field is owned, whatever its type says.
  return mapType === undefined
    ? compiled(target, false)
    : compile({ ...target, "x-kubernetes-map-type": mapType }, false);
}

function scalar(type: ScalarType): FieldType {
  return { map: undefined, scalar: type, list: undefined };
}

function mapType(schema: Schema, preserves: boolean): MapType {
  const isAtomic = schema["x-kubernetes-map-type"] === "atomic";
  if (!schema["x-kubernetes-embedded-resource"]) return new MapType(schema, isAtomic, preserves);
  return new MapType({ ...schema, properties: { ...schema.properties, ...identity } }, isAtomic, preserves);
}

function listType(schema: Schema, preserves: boolean): ListType {
  const items = schema.items;
  const item = items ? compiled(items, preserves) : anyType;
  switch (schema["x-kubernetes-list-type"]) {
    case "set":
      return { isAtomic: false, item, keys: [], elementOf: elementOfSet };
    case "map": {
      const keys = [...(schema["x-kubernetes-list-map-keys"] ?? [])].sort();
      const defaults = keys.map((key) => keyDefault(items, key));
      const names = keys.map((key) => `${JSON.stringify(key)}:`);
      return { isAtomic: false, item, keys, elementOf: (value) => keyedElement(value, keys, names, defaults) };
    }
    default:
      return { isAtomic: true, item, keys: [], elementOf: elementOfSet };
  }
}

function keyDefault(items: Schema | undefined, key: string): unknown {
  if (!items?.$ref) return items?.properties?.[key]?.default;
  // The only key of a list in the built-in types that has a default: the protocol of ports.
  return key === "protocol" ? "TCP" : undefined;
}

function elementOfSet(item: unknown): string | undefined {
  return typeof item === "object" ? undefined : `v:${formatJson(item)}`;
}

/** `names` are the keys as they stand in an element. */
function keyedElement(
  item: unknown,
  keys: readonly string[],
  names: readonly string[],
  defaults: readonly unknown[],
): string | undefined {
  if (!isObject(item)) return undefined;
  let text = "";
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!;
    const value = Object.hasOwn(item, key) ? item[key] : defaults[index];
    if (value !== undefined) text += (text === "" ? "" : ",") + names[index] + formatJson(value);
  }
  return text === "" ? undefined : `k:{${text}}`;
}

/** Why an item of such a list has no identity, in the words of structured-merge-diff. */
export function whyNoIdentity(item: unknown, { keys }: ListType): string {
  if (keys.length === 0) {
    if (item === null) return "associative list without keys has an element that's an explicit null";
    if (Array.isArray(item)) return "not supported: associative list with lists as elements";
    return "associative list without keys has an element that's a map type";
  }
  if (item === null) return "associative list with keys may not have a null element";
  if (!isObject(item)) return "associative list with keys may not have non-map elements";
  const names = keys.map((key) => JSON.stringify(key)).join(" ");
  return `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`;
}

/** Which part of a type a value is taken for. What the type does not allow is taken for the first that it does. */
export type Aspect = "map" | "scalar" | "list";

export function aspectOf(value: unknown, type: FieldType): Aspect {
  if (typeof value !== "object") {
    if (type.scalar) return "scalar";
  } else if (Array.isArray(value)) {
    if (type.list) return "list";
  } else if (value !== null && type.map) return "map";
  return type.map ? "map" : type.scalar ? "scalar" : "list";
}

export function isEmptyMap(value: unknown): boolean {
  if (!isObject(value)) return true;
  for (const _ in value) return false;
  return true;
}

export function isEmptyList(value: unknown): boolean {
  return !Array.isArray(value) || value.length === 0;
}

/** The items of a list by their path elements, in order; what has no identity is nobody's and left out. */
export function itemsByElement(list: unknown, type: ListType): Map<string, unknown[]> {
  const items = new Map<string, unknown[]>();
  if (!Array.isArray(list)) return items;
  for (const item of list) {
    const element = type.elementOf(item);
    if (element === undefined) continue;
    const same = items.get(element);
    if (same) same.push(item);
    else items.set(element, [item]);
  }
  return items;
}
