import type { FieldError } from "./api-error.ts";

/** A place in an object. Paths are values: `at.child("spec").index(0)` makes a new one. */
export class Path {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  static root = new Path("");

  /** The path of the field `names` below this one. */
  child(...names: readonly string[]): Path {
    const tail = names.join(".");
    return new Path(this.#text === "" ? tail : `${this.#text}.${tail}`);
  }

  index(index: number): Path {
    return new Path(`${this.#text}[${index}]`);
  }

  /** The path of a map's entry: `data[key]`. */
  key(key: string): Path {
    return new Path(`${this.#text}[${key}]`);
  }

  toString(): string {
    return this.#text;
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
