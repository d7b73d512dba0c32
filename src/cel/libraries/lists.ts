// Lists of Kubernetes' library, and sets.
// https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-list-library
// https://pkg.go.dev/github.com/google/cel-go/ext#Sets
import * as cost from "../cost.ts";
import { type Definition, define, member } from "../functions.ts";
import { int, uint } from "../numbers.ts";
import { durationOf } from "../time.ts";
import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  durationType,
  intType,
  listType,
  stringType,
  timestampType,
  typeParameter,
  uintType,
} from "../types.ts";
import { compareValues, Duration, EvaluationError, equals, type List, sizeOf, Uint, type Value } from "../values.ts";

const a = typeParameter("A");

const comparable: readonly (readonly [string, CelType])[] = [
  ["int", intType],
  ["uint", uintType],
  ["double", doubleType],
  ["bool", boolType],
  ["duration", durationType],
  ["timestamp", timestampType],
  ["string", stringType],
  ["bytes", bytesType],
];

function isSorted(list: List): boolean {
  for (let index = 1; index < list.size; index++) {
    const order = compareValues(list.at(index - 1), list.at(index));
    if (order !== undefined && order > 0) return false;
  }
  return true;
}

function extreme(name: string, isBetter: (order: number) => boolean): (list: List) => Value {
  return (list) => {
    if (list.size === 0) throw new EvaluationError(`${name} called on empty list`);
    let best = list.at(0);
    for (const item of list) {
      const order = compareValues(item, best);
      if (order !== undefined && isBetter(order)) best = item;
    }
    return best;
  };
}

function totalOf<T extends Value>(zero: T, plus: (sum: T, item: T) => T): (list: List) => Value {
  return (list) => {
    let sum = zero;
    for (const item of list) sum = plus(sum, item as T); // the overload says what the items are
    return sum;
  };
}

const totals = [
  member(
    "sum",
    "list_int_sum_int",
    [listType(intType)],
    intType,
    totalOf<bigint>(0n, (sum, item) => int(sum + item)),
    cost.listTraversal,
  ),
  member(
    "sum",
    "list_uint_sum_uint",
    [listType(uintType)],
    uintType,
    totalOf(new Uint(0n), (sum, item) => uint(sum.value + item.value)),
    cost.listTraversal,
  ),
  member(
    "sum",
    "list_double_sum_double",
    [listType(doubleType)],
    doubleType,
    totalOf<number>(0, (sum, item) => sum + item),
    cost.listTraversal,
  ),
  member(
    "sum",
    "list_duration_sum_duration",
    [listType(durationType)],
    durationType,
    totalOf(new Duration(0n), (sum, item) => durationOf(sum.nanos + item.nanos)),
    cost.listTraversal,
  ),
];

function indexOf(list: List, item: Value): bigint {
  for (let index = 0; index < list.size; index++) if (equals(list.at(index), item)) return BigInt(index);
  return -1n;
}

function lastIndexOf(list: List, item: Value): bigint {
  for (let index = list.size - 1; index >= 0; index--) if (equals(list.at(index), item)) return BigInt(index);
  return -1n;
}

export const listFunctions: readonly Definition[] = [
  ...comparable.flatMap(([name, type]) => [
    member("isSorted", `list_${name}_is_sorted_bool`, [listType(type)], boolType, isSorted, cost.listTraversal),
    member(
      "min",
      `list_${name}_min_${name}`,
      [listType(type)],
      type,
      extreme("min", (order) => order < 0),
      cost.listTraversal,
    ),
    member(
      "max",
      `list_${name}_max_${name}`,
      [listType(type)],
      type,
      extreme("max", (order) => order > 0),
      cost.listTraversal,
    ),
  ]),
  ...totals,
  member("indexOf", "list_a_index_of_int", [listType(a), a], intType, indexOf, cost.listTraversal),
  member("lastIndexOf", "list_a_last_index_of_int", [listType(a), a], intType, lastIndexOf, cost.listTraversal),
];

const includes = (list: List, item: Value) => indexOf(list, item) >= 0n;
const containsAll = (list: List, items: List) => [...items].every((item) => includes(list, item));

/** Every item of one list is compared with every one of the other. */
function crossed(times: number): cost.CostRule {
  return {
    actual: ([left, right]) => times * sizeOf(left as Value) * sizeOf(right as Value) + 1, // both are lists
    estimate: ([left, right]) => {
      const product = cost.multiply(left?.size ?? cost.unknownSize, right?.size ?? cost.unknownSize);
      return { cost: cost.add(cost.scale(product, times), cost.fixed(1)) };
    },
  };
}

export const setFunctions: readonly Definition[] = [
  define("sets.contains", "list_sets_contains_list", [listType(a), listType(a)], boolType, containsAll, crossed(1)),
  define(
    "sets.equivalent",
    "list_sets_equivalent_list",
    [listType(a), listType(a)],
    boolType,
    (left: List, right: List) => containsAll(left, right) && containsAll(right, left),
    crossed(2),
  ),
  define(
    "sets.intersects",
    "list_sets_intersects_list",
    [listType(a), listType(a)],
    boolType,
    (left: List, right: List) => [...right].some((item) => includes(left, item)),
    crossed(1),
  ),
];
