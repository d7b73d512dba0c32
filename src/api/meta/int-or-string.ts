// Values that are a number or a percentage: k8s.io/apimachinery/pkg/util/intstr.
import type { FieldError } from "./api-error.ts";
import { invalidValue, type Path } from "./field-error.ts";
import { isPercent } from "./names.ts";

/**
 * The number that a value such as `3` or `25%` means for `total`; parts round up or down as asked.
 * Throws an Error when a text is no percentage.
 */
export function scaledIntOrPercent(value: number | string, total: number, round: "up" | "down"): number {
  if (typeof value === "number") return value;
  const percent = percentOf(value);
  const scaled = (percent * total) / 100;
  return round === "up" ? Math.ceil(scaled) : Math.floor(scaled);
}

/** 25 for `25%`. */
function percentOf(text: string): number {
  if (!text.endsWith("%")) throw new Error("invalid value for IntOrString: invalid type: string is not a percentage");
  if (!/^[+-]?[0-9]{1,9}%$/.test(text))
    throw new Error(
      `invalid value for IntOrString: invalid value ${JSON.stringify(text)}: strconv.Atoi: parsing ${JSON.stringify(text.slice(0, -1))}: invalid syntax`,
    );
  return Number(text.slice(0, -1));
}

/** What is wrong with a count that may be a percentage: it must not be negative. */
export function validateNonnegativeIntOrPercent(at: Path, value: number | string | undefined): FieldError[] {
  if (value === undefined) return [];
  if (typeof value === "string") return isPercent(value).map((message) => invalidValue(at, value, message));
  return value < 0 ? [invalidValue(at, value, "must be greater than or equal to 0")] : [];
}

/** What is wrong with a percentage over 100. */
export function validateNotOver100Percent(at: Path, value: number | string | undefined): FieldError[] {
  if (typeof value !== "string" || isPercent(value).length > 0 || percentOf(value) <= 100) return [];
  return [invalidValue(at, value, "must not be greater than 100%")];
}
