import type { Draft } from "../../lib/index.ts";
import type { Path } from "../meta/field-error.ts";
import { isQuantity, milliQuantity, parseQuantity, quantityMilliValue } from "../meta/quantity.ts";
import type { Quantity } from "../types.generated.ts";

/** What can say less than a thousandth. */
const maybeFiner = /[nu.eE]/;
const milliScale = -3;

/** Amounts of resources are counted in thousandths; what is finer is rounded up. */
export function roundUpAmounts(list: Draft<Readonly<Record<string, Quantity>>> | undefined): void {
  for (const [name, amount] of Object.entries(list ?? {})) {
    if (!list || !maybeFiner.test(amount)) continue;
    const quantity = parseQuantity(amount);
    if (quantity.scale < milliScale) list[name] = milliQuantity(quantityMilliValue(quantity));
  }
}

/** Warnings about parts of bytes in the amounts of `names`. */
export function fractionalByteWarnings(
  list: Readonly<Record<string, Quantity>> | undefined,
  names: readonly string[],
  at: Path,
): string[] {
  return names.flatMap((name) => {
    const amount = list?.[name];
    if (amount === undefined || isQuantity(amount).length > 0 || quantityMilliValue(amount) % 1000 === 0) return [];
    return [`${at.key(name)}: fractional byte value ${JSON.stringify(amount)} is invalid, must be an integer`];
  });
}
