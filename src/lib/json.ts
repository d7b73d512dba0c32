// JSON with the integers of 64 bits that Go keeps exactly and JavaScript's numbers only up to 2^53.

declare global {
  // Of ECMAScript 2026, which TypeScript does not know yet.
  interface JSON {
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
    rawJSON(text: string): object;
  }
}

/** An integer of 64 bits, as objects hold it: a bigint where a number would not be exact, and only there. */
export type Int64 = number | bigint;

/** The integer as objects hold it; undefined when it does not fit into 64 bits. */
export function int64(value: bigint): Int64 | undefined {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** Digits of the smallest integer that is not exact as a number, 2^53. */
const inexactDigits = 16;

/** Whether so many digits stand side by side that they may be an integer which a number cannot hold. */
export function hasLongInteger(text: string): boolean {
  // Each run of 16 has a place that is looked at, however it lies.
  for (let at = inexactDigits - 1; at < text.length; at += inexactDigits)
    if (isDigit(text.charCodeAt(at)) && runAround(text, at) >= inexactDigits) return true;
  return false;
}

function runAround(text: string, at: number): number {
  let [start, end] = [at, at + 1];
  while (isDigit(text.charCodeAt(start - 1))) start--;
  while (isDigit(text.charCodeAt(end))) end++;
  return end - start;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** As JSON.parse, with every integer of 64 bits exact; larger ones are numbers, as for Go, and so is all with a point or an exponent. */
export function parseJson(text: string): unknown {
  return hasLongInteger(text) ? JSON.parse(text, exactly) : JSON.parse(text);
}

const integer = /^-?\d+$/;

function exactly(_key: string, value: unknown, { source = "" }: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value) || !integer.test(source)) return value;
  return int64(BigInt(source)) ?? value;
}

/** As JSON.stringify, with a bigint as the number that it is. */
export function formatJson(value: unknown, indent?: number): string {
  try {
    // Without further arguments it is faster.
    return indent === undefined ? JSON.stringify(value) : JSON.stringify(value, null, indent);
  } catch (error) {
    // It throws for a bigint, of which hardly any object has one.
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, rawIntegers, indent);
  }
}

function rawIntegers(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? JSON.rawJSON(String(value)) : value;
}
