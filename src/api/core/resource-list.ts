import type { Draft } from "../../lib/index.ts";
import { milliQuantity, parseQuantity, quantityMilliValue } from "../meta/quantity.ts";
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
