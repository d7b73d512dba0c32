// Bodies in protobuf, which typed clients of Go send: into the value that the same object has as JSON.
import { badRequest, parseApiVersion } from "../meta/index.ts";
import { resourceFacts } from "../schema/facts.ts";
import { unrecognized } from "../schema/json.ts";
import { magic } from "./encode-protobuf.ts";
import { fieldsOf, type MessageField, messageOf } from "./message-fields.ts";
import { specialMessages } from "./special-messages.ts";
import { ProtobufError, WireReader } from "./wire-reader.ts";

/** Messages within messages; the deepest kind, a CRD's schema, has some tens. */
const depthMax = 500;

type Json = unknown;
type Read = (reader: WireReader, wireType: number, depth: number) => Json;

interface Field extends Pick<MessageField, "name" | "form"> {
  readonly read: Read;
  readonly wireType: number;
  /** What a map's entry has when it says no value. */
  readonly zero: () => Json;
}

/**
 * The value of a body as JSON would have it, with its apiVersion and kind; `expected` is the kind that it is to be, where
 * there is one. Throws the 400 that Kubernetes gives.
 */
export function decodeProtobuf(body: Uint8Array, expected?: string): Json {
  if (magic.some((byte, index) => body[index] !== byte)) {
    const why = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]";
    throw unrecognized(expected ?? "Object", why, body);
  }
  const { apiVersion, kind, raw } = readEnvelope(body, expected);
  const fail = (why: string) => {
    const { version } = parseApiVersion(apiVersion);
    return badRequest(
      `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${expected ?? kind}: ${why}`,
    );
  };
  const name = messageOf(apiVersion, kind);
  if (!name) throw fail(noMessage(apiVersion, kind));
  try {
    return { apiVersion, kind, ...(readMessage(name, raw, 0) as object) };
  } catch (error) {
    if (error instanceof ProtobufError) throw fail(error.message);
    throw error;
  }
}

/** What is wrong with a kind that has no message: custom resources are known as JSON alone. */
function noMessage(apiVersion: string, kind: string): string {
  const { group } = parseApiVersion(apiVersion);
  if (resourceFacts.some((each) => each.group === group))
    return `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"`;
  return "object *unstructured.Unstructured does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message";
}

interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
}

function readEnvelope(body: Uint8Array, expected: string | undefined): Envelope {
  try {
    return envelopeOf(body.subarray(magic.length));
  } catch (error) {
    if (error instanceof ProtobufError) throw unrecognized(expected ?? "Object", error.message, body);
    throw error;
  }
}

function envelopeOf(bytes: Uint8Array): Envelope {
  const envelope = { apiVersion: "", kind: "", raw: new Uint8Array() };
  const reader = new WireReader(bytes);
  while (!reader.atEnd) {
    const { field, wireType } = reader.tag();
    if (field === 1 && wireType === 2) {
      const typeMeta = new WireReader(reader.bytes());
      while (!typeMeta.atEnd) {
        const inner = typeMeta.tag();
        if (inner.field === 1 && inner.wireType === 2) envelope.apiVersion = typeMeta.string();
        else if (inner.field === 2 && inner.wireType === 2) envelope.kind = typeMeta.string();
        else typeMeta.skip(inner.wireType);
      }
    } else if (field === 2 && wireType === 2) envelope.raw = new Uint8Array(reader.bytes());
    else reader.skip(wireType);
  }
  return envelope;
}

const fieldTables = new Map<string, ReadonlyMap<number, Field>>();

function tableOf(message: string): ReadonlyMap<number, Field> {
  let table = fieldTables.get(message);
  if (!table) {
    table = new Map(fieldsOf(message).map((field) => [field.id, readerOf(field)]));
    fieldTables.set(message, table);
  }
  return table;
}

function readerOf({ name, form, type }: MessageField): Field {
  const scalar = Object.hasOwn(scalars, type) ? scalars[type] : undefined;
  const expected = scalar?.wireType ?? 2;
  const read: Read = (reader, wireType, depth) => {
    expectWireType(wireType, expected);
    return scalar ? scalar.read(reader) : readMessage(type, reader.bytes(), depth + 1);
  };
  const zero = () => (scalar ? scalar.zero : readMessage(type, nothing, 0));
  return { name, form, read, wireType: expected, zero };
}

const nothing = new Uint8Array();

function expectWireType(actual: number, expected: number): void {
  if (actual !== expected) throw new ProtobufError(`wrong wireType = ${actual}`);
}

interface Scalar {
  readonly wireType: number;
  readonly zero: Json;
  readonly read: (reader: WireReader) => Json;
}

const scalars: Readonly<Record<string, Scalar>> = {
  s: { wireType: 2, zero: "", read: (reader) => reader.string() },
  x: { wireType: 2, zero: "", read: (reader) => reader.bytes().toBase64() },
  b: { wireType: 0, zero: false, read: (reader) => reader.integer() !== 0 },
  i: { wireType: 0, zero: 0, read: (reader) => reader.int64() },
  d: { wireType: 1, zero: 0, read: finite },
};

/** What JSON can say. */
function finite(reader: WireReader): number {
  const value = reader.double();
  if (!Number.isFinite(value)) throw new ProtobufError(`unsupported value: ${value}`);
  return value;
}

function readMessage(name: string, bytes: Uint8Array, depth: number): Json {
  if (depth > depthMax) throw new ProtobufError("exceeded max depth");
  const fields = readFields(name, bytes, depth);
  const special = specialMessages.get(name);
  return special ? special.toJson(fields) : fields;
}

function readFields(name: string, bytes: Uint8Array, depth: number): Record<string, Json> {
  const table = tableOf(name);
  const object: Record<string, Json> = {};
  const reader = new WireReader(bytes);
  while (!reader.atEnd) {
    const { field: id, wireType } = reader.tag();
    const field = table.get(id);
    if (!field) reader.skip(wireType);
    else if (field.form === "map") readEntry(object, field, reader, wireType, depth);
    else if (field.form === "list" && field.wireType !== 2 && wireType === 2)
      readPacked(object, field, reader.bytes(), depth);
    else {
      const value = field.read(reader, wireType, depth);
      if (field.form === "inline") Object.assign(object, value);
      else if (field.form === "list") add(object, field.name, value);
      else object[field.name] = value;
    }
  }
  return object;
}

/** A list of numbers in one piece, which decoders must take where they expect one at a time, and the other way round. */
function readPacked(object: Record<string, Json>, field: Field, bytes: Uint8Array, depth: number): void {
  const reader = new WireReader(bytes);
  while (!reader.atEnd) add(object, field.name, field.read(reader, field.wireType, depth));
}

function add(object: Record<string, Json>, name: string, value: Json): void {
  const list = object[name];
  if (Array.isArray(list)) list.push(value);
  else object[name] = [value];
}

function readEntry(
  object: Record<string, Json>,
  field: Field,
  reader: WireReader,
  wireType: number,
  depth: number,
): void {
  expectWireType(wireType, 2);
  let key = "";
  let value: Json;
  const entry = new WireReader(reader.bytes());
  while (!entry.atEnd) {
    const { field: id, wireType } = entry.tag();
    if (id === 1) {
      expectWireType(wireType, 2);
      key = entry.string();
    } else if (id === 2) value = field.read(entry, wireType, depth);
    else entry.skip(wireType);
  }
  value ??= field.zero();
  object[field.name] ??= {};
  // Assigning "__proto__" would set the prototype instead of a property.
  Object.defineProperty(object[field.name], key, { value, enumerable: true, writable: true, configurable: true });
}
