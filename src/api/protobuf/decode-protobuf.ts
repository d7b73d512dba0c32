// Bodies in protobuf, which typed clients of Go send: into the value that the same object has as JSON.
import { badRequest, parseApiVersion } from "../meta/index.ts";
import { definitionOfKind } from "../schema/facts.ts";
import { messages } from "./messages.generated.ts";
import { ProtobufError, WireReader } from "./wire.ts";

/** Every body begins with these, then comes the message k8s.io.apimachinery.pkg.runtime.Unknown. */
const magic = [0x6b, 0x38, 0x73, 0x00];

/** Messages within messages; the deepest kind, a CRD's schema, has some tens. */
const depthMax = 500;

type Json = unknown;
type Read = (reader: WireReader, wireType: number, depth: number) => Json;

interface Field {
  readonly name: string;
  readonly form: "single" | "list" | "map" | "inline";
  readonly read: Read;
  /** What a map's entry has when it says no value. */
  readonly zero: Json;
}

const text = new TextDecoder();

/** The value of a body as JSON would have it, with its apiVersion and kind. Throws ApiError 400. */
export function decodeProtobuf(body: Uint8Array): Json {
  if (magic.some((byte, index) => body[index] !== byte))
    throw badRequest("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  try {
    const { apiVersion, kind, raw } = readEnvelope(body.subarray(magic.length));
    const name = messageOf(apiVersion, kind);
    if (!name)
      throw badRequest(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
    return { apiVersion, kind, ...(readMessage(name, raw, 0) as object) };
  } catch (error) {
    if (error instanceof ProtobufError) throw badRequest(`error decoding protobuf: ${error.message}`);
    throw error;
  }
}

function readEnvelope(bytes: Uint8Array): { apiVersion: string; kind: string; raw: Uint8Array } {
  const envelope = { apiVersion: "", kind: "", raw: new Uint8Array() };
  const reader = new WireReader(bytes);
  while (!reader.atEnd) {
    const { field, wireType } = reader.tag();
    if (field === 1 && wireType === 2) {
      const typeMeta = new WireReader(reader.bytes());
      while (!typeMeta.atEnd) {
        const inner = typeMeta.tag();
        if (inner.field === 1 && inner.wireType === 2) envelope.apiVersion = text.decode(typeMeta.bytes());
        else if (inner.field === 2 && inner.wireType === 2) envelope.kind = text.decode(typeMeta.bytes());
        else typeMeta.skip(inner.wireType);
      }
    } else if (field === 2 && wireType === 2) envelope.raw = new Uint8Array(reader.bytes());
    else reader.skip(wireType);
  }
  return envelope;
}

/** The message that holds a kind. Options of requests exist in every group version. */
function messageOf(apiVersion: string, kind: string): string | undefined {
  const { group, version } = parseApiVersion(apiVersion);
  const name = definitionOfKind(group, version, kind)?.name ?? metaMessages[kind];
  return name !== undefined && Object.hasOwn(messages, name) ? name : undefined;
}

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1.";
const metaMessages: Readonly<Record<string, string>> = { DeleteOptions: `${meta}DeleteOptions` };

const fieldTables = new Map<string, ReadonlyMap<number, Field>>();

function fieldsOf(name: string): ReadonlyMap<number, Field> {
  let table = fieldTables.get(name);
  if (!table) {
    const rows = messages[name]?.split(",") ?? [];
    table = new Map(rows.filter((row) => row !== "").map(fieldOf));
    fieldTables.set(name, table);
  }
  return table;
}

const forms: Readonly<Record<string, Field["form"]>> = { "*": "list", "@": "map", "!": "inline" };

function fieldOf(row: string): [number, Field] {
  const [id = "", name = "", code = ""] = row.split(" ");
  const form = forms[code[0] ?? ""] ?? "single";
  const type = form === "single" ? code : code.slice(1);
  const scalar = Object.hasOwn(scalars, type) ? scalars[type] : undefined;
  const read: Read = (reader, wireType, depth) => {
    expectWireType(wireType, scalar?.wireType ?? 2);
    return scalar ? scalar.read(reader) : readMessage(type, reader.bytes(), depth + 1);
  };
  return [Number(id), { name, form, read, zero: scalar ? scalar.zero : {} }];
}

function expectWireType(actual: number, expected: number): void {
  if (actual !== expected) throw new ProtobufError(`wrong wireType = ${actual}`);
}

interface Scalar {
  readonly wireType: number;
  readonly zero: Json;
  readonly read: (reader: WireReader) => Json;
}

const scalars: Readonly<Record<string, Scalar>> = {
  s: { wireType: 2, zero: "", read: (reader) => text.decode(reader.bytes()) },
  x: { wireType: 2, zero: "", read: (reader) => reader.bytes().toBase64() },
  b: { wireType: 0, zero: false, read: (reader) => reader.integer() !== 0 },
  i: { wireType: 0, zero: 0, read: (reader) => reader.integer() },
  d: { wireType: 1, zero: 0, read: (reader) => reader.double() },
};

function readMessage(name: string, bytes: Uint8Array, depth: number): Json {
  if (depth > depthMax) throw new ProtobufError("exceeded max depth");
  const special = Object.hasOwn(specials, name) ? specials[name] : undefined;
  const fields = readFields(name, bytes, depth);
  return special ? special(fields) : fields;
}

function readFields(name: string, bytes: Uint8Array, depth: number): Record<string, Json> {
  const table = fieldsOf(name);
  const object: Record<string, Json> = {};
  const reader = new WireReader(bytes);
  while (!reader.atEnd) {
    const { field: id, wireType } = reader.tag();
    const field = table.get(id);
    if (!field) reader.skip(wireType);
    else if (field.form === "map") readEntry(object, field, reader, depth);
    else {
      const value = field.read(reader, wireType, depth);
      if (field.form === "inline") Object.assign(object, value);
      else if (field.form === "list") add(object, field.name, value);
      else object[field.name] = value;
    }
  }
  return object;
}

function add(object: Record<string, Json>, name: string, value: Json): void {
  const list = object[name];
  if (Array.isArray(list)) list.push(value);
  else object[name] = [value];
}

function readEntry(object: Record<string, Json>, field: Field, reader: WireReader, depth: number): void {
  let key = "";
  let value = field.zero;
  const entry = new WireReader(reader.bytes());
  while (!entry.atEnd) {
    const { field: id, wireType } = entry.tag();
    if (id === 1) {
      expectWireType(wireType, 2);
      key = text.decode(entry.bytes());
    } else if (id === 2) value = field.read(entry, wireType, depth);
    else entry.skip(wireType);
  }
  object[field.name] ??= {};
  // Assigning "__proto__" would set the prototype instead of a property.
  Object.defineProperty(object[field.name], key, { value, enumerable: true, writable: true, configurable: true });
}

type Fields = Readonly<Record<string, Json>>;

/** JSON that stands as bytes in a message. */
function embedded({ raw, Raw }: Fields): Json {
  const base64 = String(raw ?? Raw ?? "");
  if (base64 === "") return null;
  try {
    return JSON.parse(text.decode(Uint8Array.fromBase64(base64)));
  } catch (cause) {
    throw new ProtobufError(`embedded JSON cannot be read: ${cause}`, { cause });
  }
}

/** A zero time has no fields at all, and is null in JSON. */
function time(digits: number): (fields: Fields) => Json {
  return ({ seconds, nanos }) => {
    if (seconds === undefined && nanos === undefined) return null;
    const ms = Number(seconds ?? 0) * 1000;
    if (!(Math.abs(ms) <= 8.64e15)) throw new ProtobufError("a time is out of range");
    // The text form needs a date; the clock is not asked.
    const whole = new Date(ms).toISOString().slice(0, 19);
    const fraction = String(Number(nanos ?? 0))
      .padStart(9, "0")
      .slice(0, digits);
    return digits === 0 ? `${whole}Z` : `${whole}.${fraction}Z`;
  };
}

const items = ({ items }: Fields): Json => items ?? [];
const crd = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.";

/** Messages whose JSON is no object with their fields. */
const specials: Readonly<Record<string, (fields: Fields) => Json>> = {
  [`${meta}Time`]: time(0),
  [`${meta}MicroTime`]: time(6),
  [`${meta}FieldsV1`]: embedded,
  [`${meta}Verbs`]: items,
  "io.k8s.apimachinery.pkg.runtime.RawExtension": embedded,
  "io.k8s.apimachinery.pkg.api.resource.Quantity": ({ string }) => string ?? "0",
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ({ type, intVal, strVal }) =>
    type === 1 ? (strVal ?? "") : (intVal ?? 0),
  "io.k8s.api.authentication.v1.ExtraValue": items,
  "io.k8s.api.authorization.v1.ExtraValue": items,
  "io.k8s.api.certificates.v1.ExtraValue": items,
  [`${crd}JSON`]: embedded,
  [`${crd}JSONSchemaPropsOrArray`]: ({ schema, jSONSchemas }) => jSONSchemas ?? schema ?? null,
  [`${crd}JSONSchemaPropsOrBool`]: ({ schema, allows }) => schema ?? allows ?? false,
  [`${crd}JSONSchemaPropsOrStringArray`]: ({ schema, property }) => property ?? schema ?? null,
};
