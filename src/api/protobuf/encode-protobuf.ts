// Objects as protobuf messages, for clients that accept them: from the value that JSON would say to the wire.
import type { Int64 } from "../../lib/index.ts";
import { fieldsOf, type MessageField, messageOf } from "./message-fields.ts";
import { specialMessages } from "./special-messages.ts";
import { headBytes, tagOf, type WireType, WireWriter } from "./wire-writer.ts";

/** Every body begins with these, then comes the message k8s.io.apimachinery.pkg.runtime.Unknown. */
export const magic = Uint8Array.of(0x6b, 0x38, 0x73, 0x00);

/** An object that says its kind. */
export interface Kinded {
  readonly apiVersion?: string;
  readonly kind?: string;
}

/** The whole body of an object; undefined when its kind has no message. */
export function encodeProtobuf(object: Kinded): Uint8Array | undefined {
  const message = encodeProtobufMessage(object);
  return message && joinBytes(protobufHead(object, message.length), message);
}

/** The message of an object without the envelope; undefined when its kind has none. */
export function encodeProtobufMessage(object: Kinded): Uint8Array | undefined {
  const { apiVersion = "", kind = "" } = object;
  const name = messageOf(apiVersion, kind);
  if (name === undefined) return undefined;
  const writer = new WireWriter();
  writeFields(writer, encoderOf(name), object);
  return writer.finish();
}

/** What stands before an object's message of `length` bytes in a body. */
export function protobufHead({ apiVersion = "", kind = "" }: Kinded, length: number): Uint8Array {
  const writer = new WireWriter(headBytes);
  writer.tag(tagOf(1, 2));
  const typeMeta = writer.begin();
  writer.tag(tagOf(1, 2));
  writer.string(apiVersion);
  writer.tag(tagOf(2, 2));
  writer.string(kind);
  writer.end(typeMeta);
  writer.tag(tagOf(2, 2));
  writer.integer(length);
  return joinBytes(magic, writer.finish());
}

export function joinBytes(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const joined = new Uint8Array(head.length + tail.length);
  joined.set(head);
  joined.set(tail, head.length);
  return joined;
}

type Fields = Readonly<Record<string, unknown>>;
type Write = (writer: WireWriter, value: unknown) => void;

/** How a message is written: a field for each of the object's properties, and the messages that stand inline in it. */
interface MessageEncoder {
  readonly toFields: ((json: unknown) => Fields) | undefined;
  readonly byName: Map<string, Write>;
  readonly inline: Write[];
}

const encoders = new Map<string, MessageEncoder>();

function encoderOf(name: string): MessageEncoder {
  const known = encoders.get(name);
  if (known) return known;
  const encoder: MessageEncoder = { toFields: specialMessages.get(name)?.toFields, byName: new Map(), inline: [] };
  // Known before its fields: some messages hold themselves.
  encoders.set(name, encoder);
  for (const field of fieldsOf(name)) {
    const write = fieldWriter(field);
    if (field.form === "inline") encoder.inline.push(write);
    else encoder.byName.set(field.name, write);
  }
  return encoder;
}

function writeFields(writer: WireWriter, { toFields, byName, inline }: MessageEncoder, value: unknown): void {
  const fields = toFields ? toFields(value) : (value as Fields); // decoded by the schema of the same type
  for (const name in fields) {
    const each = fields[name];
    if (each !== null && each !== undefined) byName.get(name)?.(writer, each);
  }
  for (const write of inline) write(writer, fields);
}

function fieldWriter({ id, form, type }: MessageField): Write {
  const { wireType, write } = valueWriter(type);
  const tag = tagOf(id, wireType);
  if (form === "list")
    return (writer, list) => {
      for (const item of list as readonly unknown[]) {
        writer.tag(tag);
        write(writer, item);
      }
    };
  if (form === "map") {
    const entryTag = tagOf(id, 2);
    const valueTag = tagOf(2, wireType);
    return (writer, map) => {
      for (const key in map as Fields) {
        writer.tag(entryTag);
        const start = writer.begin();
        writer.tag(mapKeyTag);
        writer.string(key);
        writer.tag(valueTag);
        write(writer, (map as Fields)[key]);
        writer.end(start);
      }
    };
  }
  return (writer, value) => {
    writer.tag(tag);
    write(writer, value);
  };
}

const mapKeyTag = tagOf(1, 2);

interface ValueWriter {
  readonly wireType: WireType;
  readonly write: Write;
}

function valueWriter(type: string): ValueWriter {
  const scalar = scalars[type];
  if (scalar) return scalar;
  const encoder = encoderOf(type);
  const write: Write = (writer, value) => {
    const start = writer.begin();
    if (value !== null) writeFields(writer, encoder, value);
    writer.end(start);
  };
  return { wireType: 2, write };
}

// The casts: values were decoded by the schema of the same type.
const scalars: Readonly<Record<string, ValueWriter>> = {
  s: { wireType: 2, write: (writer, value) => writer.string(value as string) },
  x: {
    wireType: 2,
    write: (writer, value) =>
      writer.bytes(value instanceof Uint8Array ? value : Uint8Array.fromBase64(value as string)),
  },
  b: { wireType: 0, write: (writer, value) => writer.bool(value as boolean) },
  i: { wireType: 0, write: (writer, value) => writer.integer(value as Int64) },
  d: { wireType: 1, write: (writer, value) => writer.double(value as number) },
};
