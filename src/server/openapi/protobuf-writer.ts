import { tagOf, WireWriter } from "../../api/index.ts";

/** Writes the fields of one message after the other; what is undefined or a zero value is left out. */
export class ProtobufWriter {
  readonly #wire = new WireWriter();

  string(field: number, value: string | undefined): this {
    return value === undefined || value === "" ? this : this.#string(field, value);
  }

  strings(field: number, values: readonly string[] | undefined): this {
    for (const value of values ?? []) this.#string(field, value);
    return this;
  }

  bool(field: number, value: boolean | undefined): this {
    return value ? this.int64(field, 1) : this;
  }

  int64(field: number, value: number | undefined): this {
    if (!value) return this;
    this.#wire.tag(tagOf(field, 0));
    this.#wire.integer(value);
    return this;
  }

  double(field: number, value: number | undefined): this {
    if (!value) return this;
    this.#wire.tag(tagOf(field, 1));
    this.#wire.double(value);
    return this;
  }

  message(field: number, value: ProtobufWriter | undefined): this {
    if (value === undefined) return this;
    this.#wire.tag(tagOf(field, 2));
    this.#wire.bytes(value.finish());
    return this;
  }

  messages(field: number, values: Iterable<ProtobufWriter>): this {
    for (const value of values) this.message(field, value);
    return this;
  }

  finish(): Uint8Array {
    return this.#wire.finish();
  }

  #string(field: number, value: string): this {
    this.#wire.tag(tagOf(field, 2));
    this.#wire.string(value);
    return this;
  }
}
