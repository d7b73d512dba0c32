// JSON as values of a declared type, and back. Lists and objects are converted where an expression looks, not before.
import { deepEqual, int64 } from "../lib/index.ts";
import { traversalFactor } from "./cost.ts";
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp } from "./time.ts";
import { type CelType, dynType, type ListType, type ObjectType, optionalOf } from "./types.ts";
import {
  countParts,
  Duration,
  EvaluationError,
  equals,
  keyIndex,
  List,
  MapValue,
  Opaque,
  Optional,
  StructValue,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from "./values.ts";

/** The value, where it is one already, or what the JSON means as a value of the type. Throws EvaluationError. */
export function toValue(json: unknown, type: CelType = dynType): Value {
  const held = optionalOf(type);
  if (held) {
    if (json instanceof Optional) return json;
    return json === undefined ? Optional.none : new Optional(toValue(json, held));
  }
  switch (typeof json) {
    case "boolean":
      return json;
    case "bigint":
      return type.kind === "double" ? Number(json) : type.kind === "uint" ? new Uint(json) : json;
    case "number":
      return toNumber(json, type);
    case "string":
      return toText(json, type);
    case "object":
      if (json === null || isValue(json)) return json;
      if (Array.isArray(json)) return type.kind === "list" ? toList(json, type) : new JsonList(json, dynType);
      // What is neither a list nor one of ours is an object of JSON.
      if (type.kind === "object") return new JsonObject(json as Record<string, unknown>, type);
      return new JsonMap(json as Record<string, unknown>, type.kind === "map" ? type.value : dynType);
    default:
      throw new EvaluationError(`unsupported conversion of ${typeof json} to a CEL value`);
  }
}

function isValue(json: object): json is Value & object {
  return (
    json instanceof List ||
    json instanceof MapValue ||
    json instanceof Opaque ||
    json instanceof Uint8Array ||
    json instanceof Uint ||
    json instanceof Timestamp ||
    json instanceof Duration ||
    json instanceof TypeValue ||
    json instanceof Optional
  );
}

function toNumber(json: number, { kind }: CelType): Value {
  // JSON itself has one kind of number; Kubernetes reads whole ones of 64 bits as integers.
  if (kind === "double" || !Number.isInteger(json) || Math.abs(json) >= 2 ** 63) return json;
  return kind === "uint" ? new Uint(BigInt(json)) : BigInt(json);
}

function toText(json: string, { kind }: CelType): Value {
  switch (kind) {
    case "timestamp":
      return parseTimestamp(/^\d{4}-\d{2}-\d{2}$/.test(json) ? `${json}T00:00:00Z` : json);
    case "duration":
      return parseDuration(json);
    case "bytes":
      return fromBase64(json);
    default:
      return json;
  }
}

function toList(json: readonly unknown[], { element, listKeys }: ListType): List {
  return listKeys ? new KeyedList(json, element, listKeys) : new JsonList(json, element);
}

export function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch (cause) {
    throw new EvaluationError("illegal base64 data", { cause });
  }
}

class JsonList extends List {
  readonly #items: readonly unknown[];
  readonly #element: CelType;
  /** Lists and objects that were looked at: what they know of themselves is not found out again. */
  readonly #known: Value[] = [];

  constructor(items: readonly unknown[], element: CelType) {
    super();
    this.#items = items;
    this.#element = element;
  }
  get size() {
    return this.#items.length;
  }
  at(index: number): Value {
    const known = this.#known[index];
    if (known !== undefined) return known;
    const value = toValue(this.#items[index], this.#element);
    if (typeof value === "object") this.#known[index] = value;
    return value;
  }
}

/** A list of which Kubernetes says that order does not matter: a set, or a map by keys (x-kubernetes-list-type). */
class KeyedList extends JsonList {
  readonly #element: CelType;
  readonly #keys: "set" | readonly string[];
  #byKey: ReadonlyMap<unknown, Value> | undefined;

  constructor(items: readonly unknown[], element: CelType, keys: "set" | readonly string[]) {
    super(items, element);
    this.#element = element;
    this.#keys = keys;
  }

  override equalTo(other: List): boolean {
    if (this.size !== other.size) return false;
    countParts(this.size);
    const own = this.#indexed();
    for (const item of other) {
      const mine = own.get(this.#keyOf(item));
      if (mine === undefined || !equals(mine, item)) return false;
    }
    return true;
  }

  /** The other's items take the places of those with the same key; new ones follow. */
  override concat(other: List): List {
    const merged = new Map(this.#indexed());
    for (const item of other) merged.set(this.#keyOf(item), item);
    return new KeyedList([...merged.values()], this.#element, this.#keys);
  }

  override concatCost(other: List): number {
    return Math.ceil((this.size + other.size) * traversalFactor);
  }

  #indexed(): ReadonlyMap<unknown, Value> {
    this.#byKey ??= new Map(Array.from(this, (item) => [this.#keyOf(item), item]));
    return this.#byKey;
  }

  #keyOf(item: Value): unknown {
    if (this.#keys === "set") return keyIndex(item) ?? item;
    const parts = this.#keys.map((key) => (item instanceof MapValue ? keyIndex(item.get(key) ?? null) : undefined));
    return JSON.stringify(parts.map((part) => [typeof part, String(part)]));
  }
}

class JsonMap extends MapValue {
  readonly #entries: Readonly<Record<string, unknown>>;
  readonly #value: CelType;
  readonly #known = new Map<string, Value>();
  #keys: readonly string[] | undefined;

  constructor(entries: Readonly<Record<string, unknown>>, value: CelType) {
    super();
    this.#entries = entries;
    this.#value = value;
  }
  get size() {
    return this.keys().length;
  }
  get(key: Value): Value | undefined {
    if (typeof key !== "string" || !Object.hasOwn(this.#entries, key)) return undefined;
    return this.#known.get(key) ?? keep(this.#known, key, this.#entries[key], this.#value);
  }
  keys() {
    this.#keys ??= Object.keys(this.#entries);
    return this.#keys;
  }
}

/** The value; where it is a list or an object, it is kept, as what it knows of itself is not found out again. */
function keep(known: Map<string, Value>, key: string, json: unknown, type: CelType): Value | undefined {
  if (json === undefined) return undefined;
  const value = toValue(json, type);
  if (typeof value === "object") known.set(key, value);
  return value;
}

/** An object of which a schema tells the fields. */
class JsonObject extends StructValue {
  readonly typeName: string;
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #type: ObjectType;
  readonly #known = new Map<string, Value>();

  constructor(json: Readonly<Record<string, unknown>>, type: ObjectType) {
    super();
    this.#json = json;
    this.#type = type;
    this.typeName = type.name;
  }
  get size() {
    return this.keys().length;
  }
  get(key: Value): Value | undefined {
    const field = typeof key === "string" ? this.#type.fields.get(key) : undefined;
    if (!field || typeof key !== "string" || !Object.hasOwn(this.#json, field.jsonName)) return undefined;
    return this.#known.get(key) ?? keep(this.#known, key, this.#json[field.jsonName], field.type);
  }

  /** Fields that the schema lets be without telling of them cannot be looked at, but make a difference. */
  override equalTo(other: MapValue): boolean {
    if (!super.equalTo(other)) return false;
    return !(other instanceof JsonObject) || deepEqual(this.#undescribed(), other.#undescribed());
  }

  #undescribed(): Record<string, unknown> {
    const described = new Set(Array.from(this.#type.fields.values(), ({ jsonName }) => jsonName));
    return Object.fromEntries(Object.entries(this.#json).filter(([name]) => !described.has(name)));
  }

  keys() {
    const keys: string[] = [];
    for (const [key, { jsonName }] of this.#type.fields)
      if (Object.hasOwn(this.#json, jsonName) && this.#json[jsonName] !== undefined) keys.push(key);
    return keys;
  }
}

/** An object whose fields are computed when an expression looks at them, and then kept. */
export function lazyObject(type: ObjectType, fields: Readonly<Record<string, () => unknown>>): StructValue {
  return new LazyObject(type, fields);
}

class LazyObject extends StructValue {
  readonly typeName: string;
  readonly #type: ObjectType;
  readonly #fields: Readonly<Record<string, () => unknown>>;
  readonly #known = new Map<string, Value>();

  constructor(type: ObjectType, fields: Readonly<Record<string, () => unknown>>) {
    super();
    this.typeName = type.name;
    this.#type = type;
    this.#fields = fields;
  }
  get size() {
    return this.keys().length;
  }
  get(key: Value): Value | undefined {
    if (typeof key !== "string" || !Object.hasOwn(this.#fields, key)) return undefined;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const value = toValue(this.#fields[key]?.(), this.#type.fields.get(key)?.type);
    this.#known.set(key, value);
    return value;
  }
  keys() {
    return Object.keys(this.#fields);
  }
}

/** An object that an expression made, or a copy with the names that the fields have in JSON. */
export class FieldValues extends StructValue {
  readonly typeName: string;
  readonly type: ObjectType;
  readonly #values: ReadonlyMap<string, Value>;

  constructor(type: ObjectType, values: ReadonlyMap<string, Value>) {
    super();
    this.typeName = type.name;
    this.type = type;
    this.#values = values;
  }
  get size() {
    return this.#values.size;
  }
  get(key: Value): Value | undefined {
    return typeof key === "string" ? this.#values.get(key) : undefined;
  }
  keys() {
    return this.#values.keys();
  }
}

/** The JSON of a value. Throws EvaluationError for values that JSON has no form of. */
export function toJson(value: Value): unknown {
  if (value === null || typeof value === "boolean" || typeof value === "string" || typeof value === "number")
    return value;
  if (typeof value === "bigint") return int64(value) ?? Number(value);
  if (value instanceof Uint) return int64(value.value) ?? Number(value.value);
  if (value instanceof Uint8Array) return btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join(""));
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof List) return [...value].map(toJson);
  if (value instanceof Optional) return value.value === undefined ? null : toJson(value.value);
  if (value instanceof MapValue) return objectOf(value);
  throw new EvaluationError(`a value of type ${value instanceof TypeValue ? "type" : value.type.name} has no JSON`);
}

function objectOf(map: MapValue): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (const key of map.keys()) {
    if (typeof key !== "string") throw new EvaluationError("keys of a JSON object must be strings");
    const jsonName = map instanceof FieldValues ? (map.type.fields.get(key)?.jsonName ?? key) : key;
    entries.push([jsonName, toJson(map.get(key) ?? null)]);
  }
  return Object.fromEntries(entries);
}
