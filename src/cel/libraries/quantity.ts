// https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-quantity-library
import {
  addQuantities,
  compareQuantities,
  type ParsedQuantity,
  parseQuantity,
  quantitySign,
  subtractQuantities,
} from "../../api/meta/index.ts";
import * as cost from "../cost.ts";
import { comparisons, type Definition, define, member } from "../functions.ts";
import { boolType, doubleType, intType, opaqueType, stringType } from "../types.ts";
import { EvaluationError, Opaque } from "../values.ts";

export const quantityType = opaqueType("kubernetes.Quantity");

class Quantity extends Opaque {
  readonly type = quantityType;
  readonly parsed: ParsedQuantity;
  constructor(parsed: ParsedQuantity) {
    super();
    this.parsed = parsed;
  }
  equals(other: Opaque) {
    return other instanceof Quantity && compareQuantities(this.parsed, other.parsed) === 0;
  }
}

function read(text: string): Quantity {
  try {
    return new Quantity(parseQuantity(text));
  } catch (cause) {
    // It throws for nothing but the text.
    throw new EvaluationError((cause as Error).message, { cause });
  }
}

function isQuantity(text: string): boolean {
  try {
    parseQuantity(text);
    return true;
  } catch {
    // It throws for nothing but the text.
    return false;
  }
}

const ofInt = (value: bigint): ParsedQuantity => ({ mantissa: value, scale: 0, format: "DecimalExponent" });

/** The whole number, where it is one of 64 bits. */
function integerOf({ mantissa, scale }: ParsedQuantity): bigint | undefined {
  const divisor = scale < 0 ? 10n ** BigInt(-scale) : 1n;
  if (mantissa % divisor !== 0n) return undefined;
  const value = scale < 0 ? mantissa / divisor : mantissa * 10n ** BigInt(scale);
  return value === BigInt.asIntN(64, value) ? value : undefined;
}

function asInteger({ parsed }: Quantity): bigint {
  const value = integerOf(parsed);
  if (value === undefined) throw new EvaluationError("cannot convert value to integer");
  return value;
}

const pair = [quantityType, quantityType];
const withInt = [quantityType, intType];
const compare = (left: Quantity, right: Quantity) => compareQuantities(left.parsed, right.parsed);

export const quantityFunctions: readonly Definition[] = [
  define("quantity", "string_to_quantity", [stringType], quantityType, read, cost.traversal()),
  define("isQuantity", "is_quantity_string", [stringType], boolType, isQuantity, cost.traversal()),
  // Kubernetes documents the method and declares the function.
  ...[define, member].map((kind) =>
    kind("sign", "quantity_sign", [quantityType], intType, ({ parsed }: Quantity) => BigInt(quantitySign(parsed))),
  ),
  ...comparisons("quantity", quantityType, compare),
  member("asApproximateFloat", "quantity_get_float", [quantityType], doubleType, ({ parsed }: Quantity) =>
    Number(`${parsed.mantissa}e${parsed.scale}`),
  ),
  member("asInteger", "quantity_get_int", [quantityType], intType, asInteger),
  member(
    "isInteger",
    "quantity_is_integer",
    [quantityType],
    boolType,
    ({ parsed }: Quantity) => integerOf(parsed) !== undefined,
  ),
  member(
    "add",
    "quantity_add",
    pair,
    quantityType,
    (left: Quantity, right: Quantity) => new Quantity(addQuantities(left.parsed, right.parsed)),
  ),
  member(
    "add",
    "quantity_add_int",
    withInt,
    quantityType,
    (left: Quantity, right: bigint) => new Quantity(addQuantities(left.parsed, ofInt(right))),
  ),
  member(
    "sub",
    "quantity_sub",
    pair,
    quantityType,
    (left: Quantity, right: Quantity) => new Quantity(subtractQuantities(left.parsed, right.parsed)),
  ),
  member(
    "sub",
    "quantity_sub_int",
    withInt,
    quantityType,
    (left: Quantity, right: bigint) => new Quantity(subtractQuantities(left.parsed, ofInt(right))),
  ),
];

/** What DRA gives expressions as capacities. Throws EvaluationError. */
export function quantityOf(text: string): Opaque {
  return read(text);
}
