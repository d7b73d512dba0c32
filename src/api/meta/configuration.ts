// Reads the files that operators write.
import { errorMessage } from "../../lib/index.ts";
import { type FieldError, fieldErrorBody } from "./api-error.ts";
import { parseDuration } from "./duration.ts";
import { invalidType, invalidValue, type Path, required, rootPath } from "./field-error.ts";

/** What is wrong with a configuration, gathered so that it can be mended at once. */
export class ConfigurationErrors {
  readonly #sentences: string[] = [];

  add(...errors: readonly FieldError[]): void {
    for (const error of errors) this.#sentences.push(`${error.field}: ${fieldErrorBody(error)}`);
  }

  unknown(at: Path): void {
    this.#sentences.push(`unknown field "${at}"`);
  }

  /** Throws an Error that names everything that is wrong. */
  throwIfAny(): void {
    if (this.#sentences.length > 0) throw new Error(this.#sentences.join("; "));
  }
}

/** One object of a configuration, read field by field: what is not read in the end is not known. */
export class Fields {
  readonly at: Path;
  readonly errors: ConfigurationErrors;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #read = new Set<string>();

  constructor(value: unknown, at: Path, errors: ConfigurationErrors) {
    this.at = at;
    this.errors = errors;
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isObject) errors.add(invalidType(at, value, "must be an object"));
    this.#values = isObject ? (value as Record<string, unknown>) : {};
  }

  /** Undefined when it is left out. */
  optionalText(name: string): string | undefined {
    return this.#typed(name, "string", "must be a string");
  }

  /** Empty when it is left out. */
  text(name: string): string {
    return this.optionalText(name) ?? "";
  }

  /** A text that no error may show; empty when it is left out. */
  hiddenText(name: string): string {
    const value = this.#take(name) ?? "";
    if (typeof value === "string") return value;
    this.errors.add(required(this.at.child(name), "must be a string"));
    return "";
  }

  /** A whole number from `min` to `max`; undefined when it is left out. */
  wholeNumberWithin(name: string, min: number, max: number): number | undefined {
    const value = this.wholeNumber(name);
    if (value === undefined || (value >= min && value <= max)) return value;
    this.errors.add(invalidValue(this.at.child(name), value, `must be from ${min} to ${max}`));
    return undefined;
  }

  wholeNumber(name: string): number | undefined {
    const value = this.#take(name);
    if (value === undefined || Number.isSafeInteger(value)) return value as number | undefined;
    this.errors.add(invalidType(this.at.child(name), value, "must be a whole number"));
    return undefined;
  }

  /** Whatever it is; somebody else makes sense of it. */
  any(name: string): unknown {
    return this.#take(name);
  }

  flag(name: string): boolean | undefined {
    return this.#typed(name, "boolean", "must be true or false");
  }

  /** Undefined when it is left out. */
  number(name: string): number | undefined {
    return this.#typed(name, "number", "must be a number");
  }

  /** Milliseconds of a duration such as "30s"; undefined when it is left out. */
  durationMs(name: string): number | undefined {
    const text = this.optionalText(name);
    if (text === undefined) return undefined;
    try {
      return parseDuration(text);
    } catch (error) {
      this.errors.add(invalidType(this.at.child(name), text, errorMessage(error)));
      return undefined;
    }
  }

  texts(name: string): readonly string[] {
    const list = this.#list(name);
    list.forEach((each, index) => {
      if (typeof each !== "string")
        this.errors.add(invalidType(this.at.child(name).index(index), each, "must be a string"));
    });
    return list.filter((each) => typeof each === "string");
  }

  objects(name: string): readonly Fields[] {
    return this.#list(name).map((each, index) => new Fields(each, this.at.child(name).index(index), this.errors));
  }

  object(name: string): Fields | undefined {
    const value = this.#take(name);
    return value === undefined ? undefined : new Fields(value, this.at.child(name), this.errors);
  }

  /** To be called when everything that is known has been read. */
  done(): void {
    for (const name of Object.keys(this.#values)) if (!this.#read.has(name)) this.errors.unknown(this.at.child(name));
  }

  #take(name: string): unknown {
    this.#read.add(name);
    const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
    return value ?? undefined;
  }

  #list(name: string): readonly unknown[] {
    const value = this.#take(name) ?? [];
    if (Array.isArray(value)) return value;
    this.errors.add(invalidType(this.at.child(name), value, "must be a list"));
    return [];
  }

  #typed<T extends string | boolean | number>(
    name: string,
    type: "string" | "boolean" | "number",
    detail: string,
  ): T | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    // The type's name says which of both T is.
    if (typeof value === type) return value as T;
    this.errors.add(invalidType(this.at.child(name), value, detail));
    return undefined;
  }
}

/** What `read` makes of a configuration of that kind. Throws an Error that says what is wrong with it. */
export function readConfiguration<T>(
  value: unknown,
  kind: string,
  read: (fields: Fields) => T,
  group = "apiserver.config.k8s.io",
  versions: readonly string[] = ["v1", "v1beta1"],
): T {
  const errors = new ConfigurationErrors();
  const fields = new Fields(value, rootPath, errors);
  const apiVersion = fields.text("apiVersion");
  const found = fields.text("kind");
  if (found !== kind || !versions.some((version) => apiVersion === `${group}/${version}`))
    throw new Error(
      `it is ${found || "of no kind"} of ${apiVersion || "no version"}, not ${kind} of ${group}/${versions[0]}`,
    );
  const result = read(fields);
  fields.done();
  errors.throwIfAny();
  return result;
}
