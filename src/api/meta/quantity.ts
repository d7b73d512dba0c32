// Quantities as k8s.io/apimachinery/pkg/api/resource reads, writes and counts them: exact decimal numbers with a suffix.
import type { FieldError } from "./api-error.ts";
import { invalidValue, type Path } from "./field-error.ts";

type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

/** mantissa · 10^scale, and the family of suffixes it is written with. */
export interface ParsedQuantity {
  readonly mantissa: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
}

/** A quantity as the API carries it, or already parsed. */
export type QuantityLike = string | ParsedQuantity;

const formatMessage = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const suffixMessage = "unable to parse quantity's suffix";
/** Far beyond any resource; bounds the arithmetic. */
const textLengthMax = 128;
const exponentMax = 100;
/** The smallest part that is kept, 10^-9; smaller ones round away from zero. */
const scaleMin = -9;
const maxBinary = 2n ** 63n - 1n;

const decimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const binarySuffixes = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

const pattern = /^([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;

interface Parts {
  readonly negative: boolean;
  readonly whole: string;
  readonly fraction: string;
  readonly exponent: number;
  readonly format: QuantityFormat;
}

function partsOf(text: string): Parts {
  const match = text === "" || text.length > textLengthMax ? null : pattern.exec(text);
  if (!match) throw new Error(formatMessage);
  const [, sign, whole = "", fraction = "", suffix = ""] = match;
  return { negative: sign === "-", whole: whole || "0", fraction, ...exponentOf(suffix) };
}

function exponentOf(suffix: string): Pick<Parts, "exponent" | "format"> {
  const decimal = decimalSuffixes.indexOf(suffix);
  if (decimal >= 0) return { exponent: 3 * (decimal - 3), format: "DecimalSI" };
  const binary = binarySuffixes.indexOf(suffix);
  if (binary >= 0) return { exponent: 10 * (binary + 1), format: "BinarySI" };
  if (!/^[eE][-+]?[0-9]+$/.test(suffix) || Math.abs(Number(suffix.slice(1))) > exponentMax)
    throw new Error(suffixMessage);
  return { exponent: Number(suffix.slice(1)), format: "DecimalExponent" };
}

/** A cluster has few different quantities, and a write of a pod reads each of its own several times. */
const rememberedMax = 1_000;

/** `read`, with its latest results remembered. */
function remembered<Result>(read: (text: string) => Result): (text: string) => Result {
  const known = new Map<string, Result>();
  return (text) => {
    let result = known.get(text);
    if (result === undefined) {
      result = read(text);
      if (known.size === rememberedMax) known.clear();
      known.set(text, result);
    }
    return result;
  };
}

/** Reads a quantity. Throws an Error with Kubernetes' message when it is none. */
export const parseQuantity = remembered(readQuantity);

function readQuantity(text: string): ParsedQuantity {
  const { negative, whole, fraction, exponent, format } = partsOf(text);
  let mantissa = BigInt(whole + fraction);
  let scale = -fraction.length;
  if (format === "BinarySI") mantissa <<= BigInt(exponent);
  else scale += exponent;
  let result = roundUp({ mantissa, scale, format }, scaleMin);
  if (format === "BinarySI") {
    if (compareQuantities(result, { mantissa: maxBinary, scale: 0, format }) > 0)
      result = { mantissa: maxBinary, scale: 0, format };
    // A fraction of one is clearer with a decimal suffix than rounded up.
    if (result.mantissa !== 0n && compareQuantities(result, one) < 0) result = { ...result, format: "DecimalSI" };
  }
  return negative ? { ...result, mantissa: -result.mantissa } : result;
}

const one: ParsedQuantity = { mantissa: 1n, scale: 0, format: "DecimalSI" };

function parsed(quantity: QuantityLike): ParsedQuantity {
  return typeof quantity === "string" ? parseQuantity(quantity) : quantity;
}

/** As far as quantities mostly go: a power of big integers takes longer than to look it up. */
const powersOfTen = Array.from({ length: 32 }, (_, exponent) => 10n ** BigInt(exponent));

function powerOfTen(exponent: number): bigint {
  return powersOfTen[exponent] ?? 10n ** BigInt(exponent);
}

/** The quantity with no digits below 10^scale, rounded away from zero. */
function roundUp(quantity: ParsedQuantity, scale: number): ParsedQuantity {
  if (quantity.scale >= scale) return quantity;
  const divisor = powerOfTen(scale - quantity.scale);
  const { mantissa } = quantity;
  const rest = mantissa % divisor;
  const away = rest === 0n ? 0n : mantissa < 0n ? -1n : 1n;
  return { ...quantity, mantissa: mantissa / divisor + away, scale };
}

/** The mantissa for a smaller or equal scale; exact. */
function mantissaAt(quantity: ParsedQuantity, scale: number): bigint {
  return quantity.mantissa * powerOfTen(quantity.scale - scale);
}

/** The canonical text: no fraction, the largest suffix that loses nothing. */
export function formatQuantity(quantity: ParsedQuantity): string {
  if (quantity.mantissa === 0n) return "0";
  if (quantity.format === "BinarySI") {
    const whole = roundUp(quantity, 0);
    const magnitude = mantissaAt(whole, 0);
    const exact = quantity.scale >= 0 || compareQuantities(whole, quantity) === 0;
    if (exact && (magnitude >= 1024n || magnitude <= -1024n)) return formatBinary(magnitude);
  }
  return formatDecimal(quantity);
}

function formatBinary(value: bigint): string {
  let step = 0;
  while (step < binarySuffixes.length && value % 1024n === 0n) {
    value /= 1024n;
    step++;
  }
  return `${value}${step === 0 ? "" : binarySuffixes[step - 1]}`;
}

function formatDecimal({ mantissa, scale, format }: ParsedQuantity): string {
  while (mantissa % 10n === 0n) {
    mantissa /= 10n;
    scale++;
  }
  // Suffixes step by thousands and end with E.
  let exponent = Math.floor(scale / 3) * 3;
  if (format !== "DecimalExponent") exponent = Math.min(exponent, 18);
  const number = mantissa * powerOfTen(scale - exponent);
  if (format !== "DecimalExponent") return `${number}${decimalSuffixes[exponent / 3 + 3]}`;
  return exponent === 0 ? `${number}` : `${number}e${exponent}`;
}

/**
 * The text under which the API keeps a quantity: the one it came with where Kubernetes' parser takes that for canonical
 * already, else the canonical one. Throws as parseQuantity does.
 */
export const canonicalQuantity = remembered(canonicalText);

function canonicalText(text: string): string {
  const { whole, fraction, exponent, format } = partsOf(text);
  const digits = whole + fraction;
  if (format === "BinarySI") {
    const fits = 15 - whole.length - Math.trunc(exponent * 0.3) - 1 >= 0;
    if (fits && fraction === "" && (BigInt(whole) & 7n) !== 0n) return text;
  } else {
    const scale = exponent - fraction.length;
    const fits = digits.length <= 18 && scale >= scaleMin;
    if (fits && scale % 3 === 0 && !digits.endsWith("000") && !digits.startsWith("0")) return text;
  }
  return formatQuantity(parseQuantity(text));
}

/** Negative, zero or positive as `a` is smaller than, equal to or greater than `b`. */
export function compareQuantities(a: QuantityLike, b: QuantityLike): number {
  const left = parsed(a);
  const right = parsed(b);
  const scale = Math.min(left.scale, right.scale);
  const difference = mantissaAt(left, scale) - mantissaAt(right, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The sum, written in the suffixes of `a` unless that is zero. */
export function addQuantities(a: QuantityLike, b: QuantityLike): ParsedQuantity {
  const left = parsed(a);
  const right = parsed(b);
  const scale = Math.min(left.scale, right.scale);
  const format = left.mantissa === 0n ? right.format : left.format;
  return { mantissa: mantissaAt(left, scale) + mantissaAt(right, scale), scale, format };
}

/** The difference, written in the suffixes of `a` unless that is zero. */
export function subtractQuantities(a: QuantityLike, b: QuantityLike): ParsedQuantity {
  const right = parsed(b);
  return addQuantities(a, { ...right, mantissa: -right.mantissa });
}

/** Units as a number, rounded away from zero; exact up to 2^53. */
export function quantityValue(quantity: QuantityLike): number {
  return Number(mantissaAt(roundUp(parsed(quantity), 0), 0));
}

/** The next whole number of units, away from zero. */
export function wholeQuantity(quantity: QuantityLike): ParsedQuantity {
  return roundUp(parsed(quantity), 0);
}

/** Thousandths as a number, rounded away from zero; exact up to 2^53. */
export function quantityMilliValue(quantity: QuantityLike): number {
  return Number(mantissaAt(roundUp(parsed(quantity), -3), -3));
}

/** -1, 0 or 1. */
export function quantitySign(quantity: QuantityLike): number {
  const { mantissa } = parsed(quantity);
  return mantissa < 0n ? -1 : mantissa > 0n ? 1 : 0;
}

/** Bytes (or other units counted by 1024) as a quantity with a binary suffix. */
export function binaryQuantity(value: number): string {
  return formatQuantity({ mantissa: BigInt(value), scale: 0, format: "BinarySI" });
}

/** Thousandths (of a core, mostly) as a quantity: 1500 is `1500m`, 2000 is `2`. */
export function milliQuantity(milliValue: number, format: ParsedQuantity["format"] = "DecimalSI"): string {
  return formatQuantity({ mantissa: BigInt(milliValue), scale: -3, format });
}

/** What is wrong with the text as a quantity. */
export function isQuantity(text: string): string[] {
  try {
    parseQuantity(text);
    return [];
  } catch (error) {
    // parseQuantity throws for nothing but the text.
    return [(error as Error).message];
  }
}

export function validateQuantity(at: Path, text: string): FieldError[] {
  return isQuantity(text).map((message) => invalidValue(at, text, message));
}

export function validateNonnegativeQuantity(at: Path, quantity: string): FieldError[] {
  const wrong = validateQuantity(at, quantity);
  if (wrong.length > 0 || quantitySign(quantity) >= 0) return wrong;
  return [invalidValue(at, quantity, "must be greater than or equal to 0")];
}

export function validatePositiveQuantity(at: Path, quantity: string): FieldError[] {
  const wrong = validateQuantity(at, quantity);
  if (wrong.length > 0 || quantitySign(quantity) > 0) return wrong;
  return [invalidValue(at, quantity, "must be greater than zero")];
}
