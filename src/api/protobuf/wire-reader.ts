import { type Int64, int64 } from "../../lib/index.ts";

const text = new TextDecoder("utf-8", { ignoreBOM: true });
/** Strings up to this are read faster by hand than by the decoder, when they are ASCII. */
const shortMax = 32;

/** Reads the protobuf wire format (protobuf.dev/programming-guides/encoding). Throws ProtobufError for broken bytes. */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The number and the wire type of the next field. */
  tag(): { readonly field: number; readonly wireType: number } {
    const tag = this.integer();
    return { field: Math.floor(tag / 8), wireType: tag & 7 };
  }

  /** A length or a tag: a number, as what is so large that it would not be exact is wrong anyhow. */
  integer(): number {
    return Number(this.int64());
  }

  /** A signed integer of 64 bits. */
  int64(): Int64 {
    // Nearly all are short: only what does not fit into 28 bits needs the slow arithmetic.
    const start = this.#at;
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.#at = start;
    return this.#largeInteger();
  }

  double(): number {
    const at = this.#take(8);
    return this.#view.getFloat64(at, true);
  }

  bytes(): Uint8Array {
    const length = this.integer();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** UTF-8; what is none becomes U+FFFD, as Go's JSON has it. */
  string(): string {
    const length = this.integer();
    const at = this.#take(length);
    const end = at + length;
    let ascii = "";
    if (length <= shortMax)
      for (let index = at; index < end; index++) {
        const byte = this.#bytes[index]!;
        if (byte >= 0x80) break;
        ascii += String.fromCharCode(byte);
      }
    return ascii.length === length ? ascii : text.decode(this.#bytes.subarray(at, end));
  }

  skip(wireType: number): void {
    if (wireType === 0) this.integer();
    else if (wireType === 1) this.#take(8);
    else if (wireType === 2) this.bytes();
    else if (wireType === 5) this.#take(4);
    else throw new ProtobufError(`illegal wireType ${wireType}`);
  }

  #take(length: number): number {
    const at = this.#at;
    if (length < 0 || at + length > this.#bytes.length) throw new ProtobufError("unexpected EOF");
    this.#at += length;
    return at;
  }

  #largeInteger(): Int64 {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      // Every integer that is cut to 64 bits fits into them.
      if (byte < 0x80) return int64(BigInt.asIntN(64, value))!;
    }
    throw new ProtobufError("integer overflow");
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new ProtobufError("unexpected EOF");
    return byte;
  }
}

/** The bytes are no message of the type. */
export class ProtobufError extends Error {}
