import type { Int64 } from "../../lib/index.ts";

const encoder = new TextEncoder();
/** Room for an object of middling size. */
const bytesAtFirst = 1024;
/** Room for what stands before one. */
export const headBytes = 64;
/** Strings up to this are copied faster by hand than by the encoder, when they are ASCII. */
const shortMax = 64;

/** Writes the protobuf wire format (protobuf.dev/programming-guides/encoding). */
export class WireWriter {
  #bytes: Uint8Array;
  #length = 0;

  /** `bytes` are expected; there is no bound to them. */
  constructor(bytes: number = bytesAtFirst) {
    this.#bytes = new Uint8Array(bytes);
  }

  /** The number and wire type of the field whose value comes next, as `tagOf` gives them. */
  tag(tag: number): void {
    this.#varint(tag);
  }

  /** A signed 64-bit integer. */
  integer(value: Int64): void {
    if (typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER) this.#varint(value);
    else this.#largeVarint(value);
  }

  bool(value: boolean): void {
    this.#varint(value ? 1 : 0);
  }

  double(value: number): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  bytes(value: Uint8Array): void {
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  string(value: string): void {
    if (value.length <= shortMax && this.#ascii(value)) return;
    const start = this.begin();
    // A UTF-16 unit takes three bytes at most.
    this.#reserve(value.length * 3);
    this.#length += encoder.encodeInto(value, this.#bytes.subarray(this.#length)).written;
    this.end(start);
  }

  /** Begins a message whose length is not known yet; `end` is told what this returns. */
  begin(): number {
    this.#reserve(1);
    return this.#length++;
  }

  /** Puts the length in front of what was written since `begin`. */
  end(start: number): void {
    const size = this.#length - start - 1;
    if (size < 0x80) {
      this.#bytes[start] = size;
      return;
    }
    const more = varintLength(size) - 1;
    this.#reserve(more);
    this.#bytes.copyWithin(start + 1 + more, start + 1, this.#length);
    const end = this.#length + more;
    this.#length = start;
    this.#varint(size);
    this.#length = end;
  }

  /** What was written; the writer is not used after it. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** False, with nothing written, when there is something else than ASCII in it. */
  #ascii(value: string): boolean {
    this.#reserve(value.length + 1);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = value.length;
    for (let index = 0; index < value.length; index++) {
      const unit = value.charCodeAt(index);
      if (unit >= 0x80) return false;
      bytes[at++] = unit;
    }
    this.#length = at;
    return true;
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    for (; rest > 0x7fffffff; rest = Math.floor(rest / 0x80)) this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
    for (; rest > 0x7f; rest >>>= 7) this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#length++] = rest;
  }

  /** Negative numbers as their two's complement. */
  #largeVarint(value: Int64): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.#length++] = Number(rest);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, needed));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

export type WireType = 0 | 1 | 2;

export function tagOf(field: number, wireType: WireType): number {
  return field * 8 + wireType;
}

/** The bytes that a number takes which is not negative. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) length++;
  return length;
}
