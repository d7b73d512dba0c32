// Arithmetic within 64 bits, and the texts of numbers as Go writes them.
import { EvaluationError, Uint } from "./values.ts";

const maxInt = 2n ** 63n - 1n;
const minInt = -(2n ** 63n);
const maxUint = 2n ** 64n - 1n;

/** Throws EvaluationError where 64 bits do not hold it. */
export function int(value: bigint): bigint {
  if (value > maxInt || value < minInt) throw new EvaluationError("integer overflow");
  return value;
}

/** Throws EvaluationError where 64 bits without a sign do not hold it. */
export function uint(value: bigint): Uint {
  if (value > maxUint || value < 0n) throw new EvaluationError("unsigned integer overflow");
  return new Uint(value);
}

export function intOfDouble(value: number): bigint {
  // The borders themselves are not representable on both sides, so upstream excludes them.
  if (!(value > -(2 ** 63) && value < 2 ** 63)) throw new EvaluationError("integer overflow");
  return BigInt(Math.trunc(value));
}

export function uintOfDouble(value: number): Uint {
  if (!(value >= 0 && value < 2 ** 64)) throw new EvaluationError("unsigned integer overflow");
  return new Uint(BigInt(Math.trunc(value)));
}

export function divide(left: bigint, right: bigint): bigint {
  if (right === 0n) throw new EvaluationError("division by zero");
  return left / right;
}

export function modulo(left: bigint, right: bigint): bigint {
  if (right === 0n) throw new EvaluationError("modulus by zero");
  return left % right;
}

/** Whether the number is certainly larger than any of 64 bits: reading digits takes time with the square of their number. */
function hasTooManyDigits(text: string): boolean {
  return text.length > 20 && text.replace(/^[+-]?0*/, "").length > 20;
}

export function parseInt64(text: string): bigint {
  if (!/^[+-]?\d+$/.test(text))
    throw new EvaluationError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = hasTooManyDigits(text) ? maxInt + 1n : BigInt(text.replace(/^\+/, ""));
  if (value > maxInt || value < minInt)
    throw new EvaluationError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  return value;
}

export function parseUint64(text: string): Uint {
  if (!/^\d+$/.test(text))
    throw new EvaluationError(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (hasTooManyDigits(text) || BigInt(text) > maxUint)
    throw new EvaluationError(`strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`);
  return new Uint(BigInt(text));
}

export function parseDouble(text: string): number {
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (special) return /nan/i.test(text) ? Number.NaN : special[1] === "-" ? -Infinity : Infinity;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text))
    throw new EvaluationError(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = Number(text);
  if (!Number.isFinite(value))
    throw new EvaluationError(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: value out of range`);
  return value;
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "true", "TRUE", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "false", "FALSE", "False"].map((text) => [text, false] as const),
]);

export function parseBool(text: string): boolean {
  const value = booleans.get(text);
  if (value === undefined)
    throw new EvaluationError(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
  return value;
}

/** The shortest text of the number; with an exponent of two digits where it is very large or very small. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (Object.is(value, -0)) return "-0";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e21)) {
    const [mantissa, exponent = ""] = value.toExponential().split("e");
    return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  }
  return String(value);
}
