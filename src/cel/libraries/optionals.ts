// Values that may be absent.
// https://pkg.go.dev/github.com/google/cel-go/cel#OptionalTypes
import { type Definition, define, member } from "../functions.ts";
import { itemIfAny, never } from "../standard-functions.ts";
import { boolType, intType, listType, mapType, optionalType, typeParameter } from "../types.ts";
import { ArrayList, countParts, EvaluationError, type List, Optional, Uint, type Value } from "../values.ts";

const value = typeParameter("V");
const key = typeParameter("K");
const optional = optionalType(value);
const listOfValue = listType(value);
const mapOfValue = mapType(key, value);

const optionally = (found: Value | undefined) => (found === undefined ? Optional.none : new Optional(found));

function isZero(each: Value): boolean {
  if (each === null || each === false || each === 0n || each === 0 || each === "") return true;
  if (each instanceof Uint) return each.value === 0n;
  if (each instanceof Uint8Array) return each.length === 0;
  if (each instanceof Optional) return each.value === undefined;
  return typeof each === "object" && "size" in each && each.size === 0;
}

export const optionalFunctions: readonly Definition[] = [
  define("optional.of", "optional_of", [value], optional, (each: Value) => new Optional(each)),
  define("optional.ofNonZeroValue", "optional_ofNonZeroValue", [value], optional, (each: Value) =>
    isZero(each) ? Optional.none : new Optional(each),
  ),
  define("optional.none", "optional_none", [], optional, () => Optional.none),
  define("optional.unwrap", "optional_unwrap", [listType(optional)], listOfValue, presentIn),
  member("unwrapOpt", "optional_unwrapOpt", [listType(optional)], listOfValue, presentIn),
  member("hasValue", "optional_hasValue", [optional], boolType, (each: Optional) => each.value !== undefined),
  member("value", "optional_value", [optional], value, (each: Optional) => {
    if (each.value === undefined) throw new EvaluationError("optional.none() dereference");
    return each.value;
  }),
  member("or", "optional_or_optional", [optional, optional], optional, (each: Optional, other: Optional) =>
    each.value === undefined ? other : each,
  ),
  member("orValue", "optional_orValue_value", [optional, value], value, (each: Optional, other: Value) =>
    each.value === undefined ? other : each.value,
  ),
  define("_[?_]", "list_optindex_optional_int", [listOfValue, intType], optional, never),
  define("_[?_]", "map_optindex_optional_value", [mapOfValue, key], optional, never),
  ...["_[?_]", "_[_]"].flatMap((name) => [
    define(name, `optional_list${name}`, [optionalType(listOfValue), intType], optional, never),
    define(name, `optional_map${name}`, [optionalType(mapOfValue), key], optional, never),
  ]),
  member("first", "list_first", [listOfValue], optional, (list: List) => optionally(itemIfAny(list, 0n))),
  member("last", "list_last", [listOfValue], optional, (list: List) =>
    optionally(itemIfAny(list, BigInt(list.size - 1))),
  ),
];

function presentIn(list: List): List {
  countParts(list.size);
  const present: Value[] = [];
  for (const each of list) if (each instanceof Optional && each.value !== undefined) present.push(each.value);
  return new ArrayList(present);
}
