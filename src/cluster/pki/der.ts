// Writes DER (ITU-T X.690): the few types that certificates are made of. A certificate library costs 130 ms to load,
// measured; a cluster has to be up in less than four times that.

import { timestamp } from "../../lib/index.ts";

/** One encoded value. */
export type Der = Uint8Array;

const encoder = new TextEncoder();

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function lengthBytes(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

function tagged(tag: number, ...content: readonly Uint8Array[]): Der {
  const body = concat(content);
  return concat([Uint8Array.from([tag, ...lengthBytes(body.length)]), body]);
}

export const sequence = (...items: readonly Der[]): Der => tagged(0x30, ...items);
export const set = (...items: readonly Der[]): Der => tagged(0x31, ...items);
export const octetString = (bytes: Uint8Array): Der => tagged(0x04, bytes);
export const utf8String = (text: string): Der => tagged(0x0c, encoder.encode(text));
export const boolean = (value: boolean): Der => tagged(0x01, Uint8Array.of(value ? 0xff : 0x00));
/** A bit string; `unusedBits` of the last byte do not count. */
export const bitString = (bytes: Uint8Array, unusedBits = 0): Der => tagged(0x03, Uint8Array.of(unusedBits), bytes);
/** A constructed value under a context-specific tag. */
export const explicit = (tag: number, ...items: readonly Der[]): Der => tagged(0xa0 | tag, ...items);
/** A primitive value whose own tag is replaced by a context-specific one. */
export const implicit = (tag: number, bytes: Uint8Array): Der => tagged(0x80 | tag, bytes);

/** A non-negative integer from its big-endian bytes, which must not start with zeros. */
export function integer(bytes: Uint8Array): Der {
  const first = bytes[0] ?? 0;
  return bytes.length === 0 || first & 0x80 ? tagged(0x02, Uint8Array.of(0), bytes) : tagged(0x02, bytes);
}

/** An object identifier from its dotted form. */
export function objectIdentifier(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes: number[] = [first * 40 + second];
  for (const arc of rest) {
    const septets = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      septets.unshift(0x80 | (left % 128));
    bytes.push(...septets);
  }
  return tagged(0x06, Uint8Array.from(bytes));
}

/** UTCTime until 2049 and GeneralizedTime after it, as RFC 5280 section 4.1.2.5 wants. */
export function time(epochMs: number): Der {
  const digits = timestamp(epochMs).replace(/[-:TZ]/g, "");
  return Number(digits.slice(0, 4)) < 2050
    ? tagged(0x17, encoder.encode(`${digits.slice(2)}Z`))
    : tagged(0x18, encoder.encode(`${digits}Z`));
}
