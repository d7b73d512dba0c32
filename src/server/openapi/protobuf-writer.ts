// The wire format of protocol buffers, as far as one message type made of others needs it.

const encoder = new TextEncoder();

/** Writes the fields of one message after the other; what is undefined is left out. */
export class ProtobufWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  string(field: number, value: string | undefined): this {
    return value === undefined || value === "" ? this : this.#bytesField(field, encoder.encode(value));
  }

  strings(field: number, values: readonly string[] | undefined): this {
    for (const value of values ?? []) this.#bytesField(field, encoder.encode(value));
    return this;
  }

  bool(field: number, value: boolean | undefined): this {
    if (!value) return this;
    this.#varint(field * 8);
    this.#varint(1);
    return this;
  }

  /** A count; nothing that is written is negative or beyond 2^53. */
  int64(field: number, value: number | undefined): this {
    if (!value) return this;
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  double(field: number, value: number | undefined): this {
    if (!value) return this;
    this.#varint(field * 8 + 1);
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value, true);
    this.#length += 8;
    return this;
  }

  message(field: number, value: ProtobufWriter | undefined): this {
    return value === undefined ? this : this.#bytesField(field, value.finish());
  }

  messages(field: number, values: Iterable<ProtobufWriter>): this {
    for (const value of values) this.message(field, value);
    return this;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #bytesField(field: number, bytes: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 0x80) + 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.finish());
    this.#bytes = larger;
  }
}
