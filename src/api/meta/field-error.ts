import type { FieldError } from "./api-error.ts";

/** A place in an object. Paths are values: `at.child("spec").index(0)` makes a new one. Their text is made when it is read. */
export class Path {
  readonly #parent: Path | undefined;
  /** The names of fields, or an index or key. */
  readonly #step: readonly string[] | string | number;

  private constructor(parent: Path | undefined, step: readonly string[] | string | number) {
    this.#parent = parent;
    this.#step = step;
  }

  static root = new Path(undefined, []);

  /** The path of the field `names` below this one. */
  child(...names: readonly string[]): Path {
    return new Path(this, names);
  }

  index(index: number): Path {
    return new Path(this, index);
  }

  /** The path of a map's entry: `data[key]`. */
  key(key: string): Path {
    return new Path(this, key);
  }

  toString(): string {
    const before = this.#parent ? String(this.#parent) : "";
    if (typeof this.#step !== "object") return `${before}[${this.#step}]`;
    const tail = this.#step.join(".");
    return before === "" || tail === "" ? before + tail : `${before}.${tail}`;
  }
}

/** The path of a whole object; its fields are `at.child("spec", "replicas")`. */
export const rootPath = Path.root;

export function required(at: Path, detail = ""): FieldError {
  return { type: "FieldValueRequired", field: String(at), detail };
}

export function invalidValue(at: Path, value: unknown, detail: string): FieldError {
  return { type: "FieldValueInvalid", field: String(at), value, detail };
}

/**
 * A value as messages of Kubernetes show those of its own structs: with the names that the fields have in Go, in their
 * order there, and with null for what is absent.
 */
export function goStruct(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value ?? null]));
}

/** Fields that do not go together: no one value is wrong. */
export function invalidTogether(at: Path, detail: string): FieldError {
  return { type: "FieldValueInvalid", field: String(at), detail };
}

export function invalidType(at: Path, value: unknown, detail: string): FieldError {
  return { type: "FieldValueTypeInvalid", field: String(at), value, detail };
}

export function notSupported(at: Path, value: unknown, supported: readonly string[]): FieldError {
  const detail = `supported values: ${supported.map((each) => JSON.stringify(each)).join(", ")}`;
  return { type: "FieldValueNotSupported", field: String(at), value, detail };
}

export function duplicate(at: Path, value: unknown): FieldError {
  return { type: "FieldValueDuplicate", field: String(at), value, detail: "" };
}

export function forbiddenField(at: Path, detail: string): FieldError {
  return { type: "FieldValueForbidden", field: String(at), detail };
}

export function tooLong(at: Path, bytesMax: number): FieldError {
  return { type: "FieldValueTooLong", field: String(at), detail: `may not be more than ${bytesMax} bytes` };
}

export function tooMany(at: Path, count: number, countMax: number): FieldError {
  return { type: "FieldValueTooMany", field: String(at), value: count, detail: `must have at most ${countMax} items` };
}

export function notFoundValue(at: Path, value: unknown): FieldError {
  return { type: "FieldValueNotFound", field: String(at), value, detail: "" };
}
