// Checks DER as Go's encoding/asn1 does, in its words: Kubernetes hands them on to who sends a request for a certificate.
// https://go.dev/src/encoding/asn1/asn1.go
import { latin1Text } from "../../lib/index.ts";

/** The bytes are not what was expected; the message is Go's. */
export class MalformedAsn1 extends Error {}

/** What bytes have to be. */
export interface Asn1Shape {
  /** The name of the Go type, which messages tell. */
  readonly name: string;
  /** The universal tag; undefined for values of any kind. */
  readonly tag: number | undefined;
  /** The parts of a structure. What comes after them is let pass. */
  readonly fields?: readonly Asn1Field[];
  /** What each part of a list is. */
  readonly items?: Asn1Shape;
  /** Throws MalformedAsn1. */
  readonly check?: (content: Uint8Array, header: Header) => void;
}

export interface Asn1Field {
  readonly shape: Asn1Shape;
  readonly optional?: boolean;
  /** The number that stands for the universal tag. */
  readonly contextTag?: number;
  readonly set?: boolean;
}

const tags = { boolean: 1, integer: 2, bitString: 3, octetString: 4, objectIdentifier: 6, sequence: 16, set: 17 };
const contextSpecific = 2;

/** Any value with its tag. */
export const anyValue: Asn1Shape = { name: "RawValue", tag: undefined };
export const boolean: Asn1Shape = { name: "bool", tag: tags.boolean, check: checkBoolean };
export const integer: Asn1Shape = { name: "int", tag: tags.integer, check: checkInteger };
export const octetString: Asn1Shape = { name: "", tag: tags.octetString };
export const bitString: Asn1Shape = { name: "BitString", tag: tags.bitString, check: checkBits };
export const objectIdentifier: Asn1Shape = {
  name: "ObjectIdentifier",
  tag: tags.objectIdentifier,
  check: checkObjectIdentifier,
};
/** The value of an attribute of a name: Go looks at texts. */
export const attributeValue: Asn1Shape = { name: "", tag: undefined, check: checkText };

export function structure(name: string, ...fields: readonly (Asn1Shape | Asn1Field)[]): Asn1Shape {
  const all = fields.map((field) => ("shape" in field ? field : { shape: field }));
  return { name, tag: tags.sequence, fields: all };
}

export function listOf(items: Asn1Shape, { name = "", set = false } = {}): Asn1Shape {
  return { name, tag: set ? tags.set : tags.sequence, items };
}

/** Throws MalformedAsn1 unless the bytes begin with a value of that shape; gives where it ends. */
export function checkAsn1(bytes: Uint8Array, shape: Asn1Shape): number {
  return checkField(bytes, 0, { shape });
}

interface Header {
  readonly tagClass: number;
  readonly isCompound: boolean;
  readonly tag: number;
  readonly length: number;
  /** Where the content begins. */
  readonly start: number;
}

function checkField(bytes: Uint8Array, at: number, field: Asn1Field): number {
  const { shape, optional = false, contextTag } = field;
  if (at === bytes.length) {
    if (optional) return at;
    throw syntaxError("sequence truncated");
  }
  const header = readHeader(bytes, at);
  if (!matches(header, field)) {
    if (optional) return at;
    const { tagClass, tag, length, isCompound, start } = header;
    const found = `{class:${tagClass} tag:${tag} length:${length} isCompound:${isCompound}}`;
    throw structureError(
      `tags don't match (${contextTag ?? universalTag(field)} vs ${found}) ${parameters(field)} ${shape.name} @${start}`,
    );
  }
  const end = header.start + header.length;
  if (end > bytes.length) throw syntaxError("data truncated");
  const content = bytes.subarray(header.start, end);
  shape.check?.(content, header);
  if (shape.fields) {
    let inner = 0;
    for (const each of shape.fields) inner = checkField(content, inner, each);
  }
  if (shape.items) checkItems(content, shape.items);
  return end;
}

function checkItems(bytes: Uint8Array, shape: Asn1Shape): void {
  for (let at = 0; at < bytes.length; ) {
    const header = readHeader(bytes, at);
    if (!matches(header, { shape })) throw structureError("sequence tag mismatch");
    at = header.start + header.length;
    if (at > bytes.length) throw syntaxError("truncated sequence");
  }
  for (let at = 0; at < bytes.length; ) at = checkField(bytes, at, { shape });
}

function matches({ tagClass, tag, isCompound }: Header, field: Asn1Field): boolean {
  const { shape, contextTag } = field;
  if (shape.tag === undefined) return true;
  const [wantedClass, wantedTag] = contextTag === undefined ? [0, universalTag(field)] : [contextSpecific, contextTag];
  return tagClass === wantedClass && tag === wantedTag && isCompound === Boolean(shape.fields ?? shape.items);
}

function universalTag({ shape, set }: Asn1Field): number | undefined {
  return set ? tags.set : shape.tag;
}

/** What Go prints of the rules of a field. */
function parameters({ optional = false, set = false }: Asn1Field): string {
  const kinds = `optional:${optional} explicit:false application:false private:false`;
  return `{${kinds} defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:${set} omitEmpty:false}`;
}

const lengthMax = 1 << 23;
const highTag = 0x1f;

function readHeader(bytes: Uint8Array, at: number): Header {
  let next = at;
  const first = bytes[next++] ?? 0;
  let tag = first & highTag;
  if (tag === highTag) {
    [tag, next] = readBase128(bytes, next);
    if (tag < highTag) throw syntaxError("non-minimal tag");
  }
  const byte = () => {
    const value = bytes[next++];
    if (value === undefined) throw syntaxError("truncated tag or length");
    return value;
  };
  let length = byte();
  if (length & 0x80) {
    const count = length & 0x7f;
    if (count === 0) throw syntaxError("indefinite length found (not DER)");
    length = 0;
    for (let each = 0; each < count; each++) {
      const value = byte();
      if (length >= lengthMax) throw structureError("length too large");
      length = length * 256 + value;
      if (length === 0) throw structureError("superfluous leading zeros in length");
    }
    if (length < 0x80) throw structureError("non-minimal length");
  }
  return { tagClass: first >> 6, isCompound: (first & 0x20) !== 0, tag, length, start: next };
}

const base128BytesMax = 5;
const int32Max = 2 ** 31 - 1;

/** The number that begins at `at`, and where it ends. */
function readBase128(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0;
  for (let next = at; next < bytes.length; next++) {
    if (next - at === base128BytesMax) throw structureError("base 128 integer too large");
    const byte = bytes[next]!;
    if (next === at && byte === 0x80) throw syntaxError("integer is not minimally encoded");
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (value > int32Max) throw structureError("base 128 integer too large");
    return [value, next + 1];
  }
  throw syntaxError("truncated base 128 integer");
}

function checkBoolean(content: Uint8Array): void {
  const [value] = content;
  if (content.length !== 1 || (value !== 0 && value !== 0xff)) throw syntaxError("invalid boolean");
}

function checkInteger(content: Uint8Array): void {
  const [first, second = 0] = content;
  if (first === undefined) throw structureError("empty integer");
  const isPadded = (first === 0 && second < 0x80) || (first === 0xff && second >= 0x80);
  if (content.length > 1 && isPadded) throw structureError("integer not minimally-encoded");
  if (content.length > 8) throw structureError("integer too large");
}

function checkBits(content: Uint8Array): void {
  const [unused] = content;
  if (unused === undefined) throw syntaxError("zero length BIT STRING");
  const hasBits = content.length > 1 || unused === 0;
  const areUnused = (content.at(-1)! & ((1 << unused) - 1)) === 0;
  if (unused > 7 || !hasBits || !areUnused) throw syntaxError("invalid padding bits in BIT STRING");
}

const texts: Readonly<Record<number, readonly [name: string, characters: RegExp]>> = {
  18: ["NumericString", /^[0-9 ]*$/],
  19: ["PrintableString", /^[A-Za-z0-9 '()+,\-./:=?*&]*$/],
  22: ["IA5String", /^[\0-\x7f]*$/],
};
const utf8Tag = 12;

function checkText(content: Uint8Array, { tagClass, isCompound, tag }: Header): void {
  if (tagClass !== 0 || isCompound) return;
  const text = texts[tag];
  if (text && !text[1].test(latin1Text(content))) throw syntaxError(`${text[0]} contains invalid character`);
  if (tag === utf8Tag && !isUtf8(content)) throw new MalformedAsn1("asn1: invalid UTF-8 string");
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function isUtf8(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    // That is what the decoder throws for.
    return false;
  }
}

function checkObjectIdentifier(content: Uint8Array): void {
  if (content.length === 0) throw syntaxError("zero length OBJECT IDENTIFIER");
  for (let at = 0; at < content.length; ) [, at] = readBase128(content, at);
}

function syntaxError(message: string): MalformedAsn1 {
  return new MalformedAsn1(`asn1: syntax error: ${message}`);
}

function structureError(message: string): MalformedAsn1 {
  return new MalformedAsn1(`asn1: structure error: ${message}`);
}
