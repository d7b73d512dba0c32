import { tagOf, WireWriter } from "../../api/index.ts";
import { formatJson } from "../../lib/index.ts";

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

  /** One of several, of which the reader must see which it is, zero or not. */
  oneOf(field: number, value: number | boolean): this {
    this.#wire.tag(tagOf(field, typeof value === "number" ? 1 : 0));
    if (typeof value === "number") this.#wire.double(value);
    else this.#wire.integer(value ? 1 : 0);
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

// What the messages of both versions of OpenAPI have in common.

/** An entry of a map: name and value. */
export function named(name: string, value: ProtobufWriter): ProtobufWriter {
  return new ProtobufWriter().string(1, name).message(2, value);
}

export function namedAll<T>(
  record: Readonly<Record<string, T>>,
  write: (value: T) => ProtobufWriter,
): ProtobufWriter[] {
  return Object.entries(record).map(([name, value]) => named(name, write(value)));
}

/** Any value; JSON is YAML too. */
export function any(value: unknown): ProtobufWriter {
  return new ProtobufWriter().string(2, `${formatJson(value)}\n`);
}

/** The fields that begin with x-. */
export function extensions(value: object): ProtobufWriter[] {
  return Object.entries(value)
    .filter(([name]) => name.startsWith("x-"))
    .map(([name, each]) => named(name, any(each)));
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}
