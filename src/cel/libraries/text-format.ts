// `"%s is %.2f".format([…])`.
// https://pkg.go.dev/github.com/google/cel-go/ext#Strings
import { formatDouble } from "../numbers.ts";
import { formatDuration, formatTimestamp } from "../time.ts";
import {
  countParts,
  Duration,
  EvaluationError,
  List,
  MapValue,
  Timestamp,
  TypeValue,
  typeName,
  Uint,
  type Value,
} from "../values.ts";

const clause = /%(?:%|(?:\.(\d+))?([a-zA-Z]))/g;
/** More digits would be a way to make long texts cheaply. */
const precisionMax = 1000;

/** Texts that are put into each other grow fast, and what comes out is not part of the cost. */
const lengthMax = 16 * 1024 * 1024;

/** Throws EvaluationError for a text that would be too long. */
export function bounded(length: number): void {
  if (length > lengthMax) throw new EvaluationError(`a text of ${length} characters is too long`);
}

export function formatText(format: string, args: List): string {
  let used = 0;
  let at = 0;
  let result = "";
  for (const match of format.matchAll(clause)) {
    result += plain(format.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[0] === "%%") {
      result += "%";
      continue;
    }
    if (used >= args.size) throw new EvaluationError(`index ${used} out of range`);
    result += formatClause(args.at(used++), match[2] as string, match[1]); // the pattern has a letter there
    bounded(result.length);
  }
  result += plain(format.slice(at));
  if (used < args.size)
    throw new EvaluationError(`too many arguments supplied to string.format (expected ${used}, got ${args.size})`);
  return result;
}

function plain(text: string): string {
  if (text.includes("%")) throw new EvaluationError("unexpected end of string");
  return text;
}

function formatClause(value: Value, verb: string, digits: string | undefined): string {
  const precision = digits === undefined ? 6 : Number(digits);
  if (precision > precisionMax)
    throw new EvaluationError(`precision ${precision} exceeds the limit of ${precisionMax}`);
  switch (verb) {
    case "s":
      return textOf(value);
    case "d":
      return decimal(value);
    case "f":
      return fixedPoint(value, precision);
    case "e":
      return scientific(value, precision);
    case "b":
      return binary(value);
    case "x":
      return hexadecimal(value);
    case "X":
      return hexadecimal(value).toUpperCase();
    case "o":
      return integer(value, "octal").toString(8);
    default:
      throw new EvaluationError(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
}

function textOf(value: Value): string {
  if (value === null) return "null";
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") return special(value) ?? formatDouble(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) {
    countParts(value.length >> 4);
    return new TextDecoder().decode(value);
  }
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof TypeValue) return value.name;
  if (value instanceof List || value instanceof MapValue) countParts(value.size);
  if (value instanceof List) return `[${[...value].map(textOf).join(", ")}]`;
  if (value instanceof MapValue) {
    const entries = Array.from(value.keys(), (key) => [textOf(key), textOf(value.get(key) ?? null)] as const);
    const sorted = entries.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
    return `{${sorted.map(([key, each]) => `${key}: ${each}`).join(", ")}}`;
  }
  throw wrongType(
    "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps",
    value,
  );
}

function special(value: number): string | undefined {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "Infinity";
  return value === -Infinity ? "-Infinity" : undefined;
}

function wrongType(rule: string, value: Value): EvaluationError {
  return new EvaluationError(`error during formatting: ${rule}, was given ${typeName(value)}`);
}

function decimal(value: Value): string {
  if (typeof value === "number" && special(value) !== undefined) return special(value) as string; // just looked at
  return String(integer(value, "decimal"));
}

function integer(value: Value, clauseName: string): bigint {
  if (typeof value === "bigint") return value;
  if (value instanceof Uint) return value.value;
  throw wrongType(`${clauseName} clause can only be used on integers`, value);
}

function double(value: Value, clauseName: string): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint) return Number(value.value);
  throw wrongType(`${clauseName} clause can only be used on doubles`, value);
}

function fixedPoint(value: Value, precision: number): string {
  const number = double(value, "fixed-point");
  return special(number) ?? roundHalfEven(number, Math.min(precision, 99));
}

/** Where both neighbours are as near, the even digit: JavaScript takes the larger one. */
function roundHalfEven(value: number, precision: number): string {
  const exact = value.toFixed(100);
  const kept = exact.slice(0, exact.length - 100 + precision).replace(/\.$/, "");
  const isTie = /^50*$/.test(exact.slice(exact.length - 100 + precision));
  return isTie && /[02468]$/.test(kept) ? kept : value.toFixed(precision);
}

function scientific(value: Value, precision: number): string {
  const number = double(value, "scientific");
  const [mantissa = "", exponent = ""] = number.toExponential(Math.min(precision, 100)).split("e");
  return special(number) ?? `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

function binary(value: Value): string {
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value === "bigint" || value instanceof Uint) return integer(value, "binary").toString(2);
  throw wrongType("only integers and bools can be formatted as binary", value);
}

function hexadecimal(value: Value): string {
  if (typeof value === "bigint" || value instanceof Uint) return integer(value, "hex").toString(16);
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  if (!(bytes instanceof Uint8Array))
    throw wrongType("only integers, byte buffers, and strings can be formatted as hex", value);
  countParts(bytes.length >> 4);
  return bytes.toHex();
}
