// What is said of a value that does not fit its Go type.
import { jsonType } from "./json-value.ts";

/** What is wrong with a value; the caller makes a Status of it. */
export class DecodeError extends Error {
  /** The same in the words of who reads no JSON: what a strategic merge patch made is converted from maps to structs. */
  readonly whenConverted: string;

  /** `message` is in the words of Go's JSON decoder. */
  constructor(message: string, whenConverted = message) {
    super(message);
    this.whenConverted = whenConverted;
  }
}

/** What Go knows a type by, as far as conversions tell types apart. */
export type GoKind = "struct" | "map" | "slice" | "string" | "bool" | "int32" | "int64" | "float64";

/** What the converter (k8s.io/apimachinery/pkg/runtime/converter.go) says of a value that is not of the type. */
export function conversionError(value: unknown, type: string, kind: GoKind): string {
  const given = kindOf(value);
  if (kind === "struct") return `cannot restore struct from: ${given}`;
  if (kind === "map" || kind === "slice") return `cannot restore ${kind} from ${given}`;
  // Go's own conversions are between numbers, and from whole numbers to text.
  const isConvertible = kind === "string" ? given === "int64" : kind !== "bool" && jsonType(value) === "number";
  return isConvertible ? `cannot convert ${given} to ${type}` : `unrecognized type: ${kind}`;
}

function kindOf(value: unknown): string {
  if (typeof value === "bigint") return "int64";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  const type = jsonType(value);
  return type === "array" ? "slice" : type === "object" ? "map" : type;
}
