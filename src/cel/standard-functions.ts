// The operators and functions of the language itself.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions
import * as cost from "./cost.ts";
import { type Definition, define, member } from "./functions.ts";
import {
  divide,
  formatDouble,
  int,
  intOfDouble,
  modulo,
  parseBool,
  parseDouble,
  parseInt64,
  parseUint64,
  uint,
  uintOfDouble,
} from "./numbers.ts";
import { matches } from "./regular-expressions.ts";
import {
  type DateParts,
  durationOf,
  formatDuration,
  formatTimestamp,
  parseDuration,
  parseTimestamp,
  partsOf,
  timestampOf,
} from "./time.ts";
import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  durationType,
  dynType,
  intType,
  listType,
  mapType,
  stringType,
  timestampType,
  typeParameter,
  typeType,
  uintType,
} from "./types.ts";
import {
  codePointCount,
  compareValues,
  countText,
  Duration,
  EntryMap,
  EvaluationError,
  equals,
  type List,
  type MapValue,
  noSuchOverload,
  numberOf,
  type Timestamp,
  TypeValue,
  typeName,
  type Uint,
  type Value,
} from "./values.ts";

const a = typeParameter("A");
const b = typeParameter("B");

/** Of what the evaluator does itself: operators that look at an argument only where it matters, and indexes. */
export const never = (): never => {
  throw noSuchOverload();
};

const logic: readonly Definition[] = [
  define("_?_:_", "conditional", [boolType, a, a], a, never),
  define("_&&_", "logical_and", [boolType, boolType], boolType, never),
  define("_||_", "logical_or", [boolType, boolType], boolType, never),
  define("@not_strictly_false", "not_strictly_false", [boolType], boolType, never),
  define("!_", "logical_not", [boolType], boolType, (value: boolean) => !value),
  define("_==_", "equals", [a, a], boolType, equals, cost.comparison),
  define("_!=_", "not_equals", [a, a], boolType, (left: Value, right: Value) => !equals(left, right), cost.comparison),
];

const orderedTypes: readonly (readonly [string, CelType])[] = [
  ["bool", boolType],
  ["int64", intType],
  ["uint64", uintType],
  ["double", doubleType],
  ["string", stringType],
  ["bytes", bytesType],
  ["timestamp", timestampType],
  ["duration", durationType],
];
const numericTypes = orderedTypes.slice(1, 4);

function relation(name: string, id: string, holds: (order: number) => boolean): Definition[] {
  const run = (left: Value, right: Value) => {
    const order = compareValues(left, right);
    return order !== undefined && holds(order);
  };
  const same = orderedTypes.map(([type, each]) => {
    const rule = type === "string" || type === "bytes" ? cost.comparison : undefined;
    return define(name, `${id}_${type}`, [each, each], boolType, run, rule);
  });
  // Numbers of different types compare by what they are worth.
  const mixed = numericTypes.flatMap(([left, leftType]) =>
    numericTypes
      .filter(([right]) => right !== left)
      .map(([right, rightType]) => define(name, `${id}_${left}_${right}`, [leftType, rightType], boolType, run)),
  );
  return [...same, ...mixed];
}

const relations = [
  ...relation("_<_", "less", (order) => order < 0),
  ...relation("_<=_", "less_equals", (order) => order <= 0),
  ...relation("_>_", "greater", (order) => order > 0),
  ...relation("_>=_", "greater_equals", (order) => order >= 0),
];

function arithmetic(
  name: string,
  id: string,
  onIntegers: (left: bigint, right: bigint) => bigint,
  onDoubles?: (left: number, right: number) => number,
): Definition[] {
  return [
    define(name, `${id}_int64`, [intType, intType], intType, (left: bigint, right: bigint) =>
      int(onIntegers(left, right)),
    ),
    define(name, `${id}_uint64`, [uintType, uintType], uintType, (left: Uint, right: Uint) =>
      uint(onIntegers(left.value, right.value)),
    ),
    ...(onDoubles ? [define(name, `${id}_double`, [doubleType, doubleType], doubleType, onDoubles)] : []),
  ];
}

function joinBytes(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}

const operators: readonly Definition[] = [
  ...arithmetic(
    "_+_",
    "add",
    (left, right) => left + right,
    (left, right) => left + right,
  ),
  ...arithmetic(
    "_-_",
    "subtract",
    (left, right) => left - right,
    (left, right) => left - right,
  ),
  ...arithmetic(
    "_*_",
    "multiply",
    (left, right) => left * right,
    (left, right) => left * right,
  ),
  ...arithmetic("_/_", "divide", divide, (left, right) => left / right),
  ...arithmetic("_%_", "modulo", modulo),
  define("-_", "negate_int64", [intType], intType, (value: bigint) => int(-value)),
  define("-_", "negate_double", [doubleType], doubleType, (value: number) => -value),
  define(
    "_+_",
    "add_string",
    [stringType, stringType],
    stringType,
    (left: string, right: string) => left + right,
    cost.concatenation,
  ),
  define("_+_", "add_bytes", [bytesType, bytesType], bytesType, joinBytes, cost.concatenation),
  define(
    "_+_",
    "add_list",
    [listType(a), listType(a)],
    listType(a),
    (left: List, right: List) => left.concat(right),
    cost.listConcatenation,
  ),
  define(
    "_+_",
    "add_duration_duration",
    [durationType, durationType],
    durationType,
    (left: Duration, right: Duration) => durationOf(left.nanos + right.nanos),
  ),
  define(
    "_+_",
    "add_duration_timestamp",
    [durationType, timestampType],
    timestampType,
    (left: Duration, right: Timestamp) => timestampOf(left.nanos + right.nanos),
  ),
  define(
    "_+_",
    "add_timestamp_duration",
    [timestampType, durationType],
    timestampType,
    (left: Timestamp, right: Duration) => timestampOf(left.nanos + right.nanos),
  ),
  define(
    "_-_",
    "subtract_duration_duration",
    [durationType, durationType],
    durationType,
    (left: Duration, right: Duration) => durationOf(left.nanos - right.nanos),
  ),
  define(
    "_-_",
    "subtract_timestamp_timestamp",
    [timestampType, timestampType],
    durationType,
    (left: Timestamp, right: Timestamp) => durationOf(left.nanos - right.nanos),
  ),
  define(
    "_-_",
    "subtract_timestamp_duration",
    [timestampType, durationType],
    timestampType,
    (left: Timestamp, right: Duration) => timestampOf(left.nanos - right.nanos),
  ),
];

/** The place in a list that a number means; undefined where it is not in the list. */
function indexIn(list: List, index: Value): number | undefined {
  const number = numberOf(index);
  if (number === undefined || (typeof number === "number" && !Number.isInteger(number)))
    throw new EvaluationError(`unsupported index value: ${typeName(index)}`);
  return number >= 0 && number < list.size ? Number(number) : undefined;
}

export function itemAt(list: List, index: Value): Value {
  const place = indexIn(list, index);
  if (place === undefined) throw new EvaluationError(`index out of bounds: ${numberOf(index)}`);
  return list.at(place);
}

export function itemIfAny(list: List, index: Value): Value | undefined {
  const place = indexIn(list, index);
  return place === undefined ? undefined : list.at(place);
}

export function valueAt(map: MapValue, key: Value): Value {
  const value = map.get(key);
  if (value === undefined) throw new EvaluationError(`no such key: ${numberOf(key) ?? key}`);
  return value;
}

function isIn(item: Value, list: List): boolean {
  for (const each of list) if (equals(item, each)) return true;
  return false;
}

function insertInto(map: MapValue, key: Value, value: Value): EntryMap {
  if (!(map instanceof EntryMap)) throw noSuchOverload();
  if (!map.add(key, value)) throw new EvaluationError(`insert failed: key ${numberOf(key) ?? key} already exists`);
  return map;
}

const collections: readonly Definition[] = [
  define("_[_]", "index_list", [listType(a), intType], a, never),
  define("_[_]", "index_map", [mapType(a, b), a], b, never),
  define("@in", "in_list", [a, listType(a)], boolType, isIn, cost.membership),
  define("@in", "in_map", [a, mapType(a, b)], boolType, (key: Value, map: MapValue) => map.get(key) !== undefined),
  ...[define, member].flatMap((kind) => [
    kind("size", "size_string", [stringType], intType, (text: string) => BigInt(codePointCount(text))),
    kind("size", "size_bytes", [bytesType], intType, (bytes: Uint8Array) => BigInt(bytes.length)),
    kind("size", "size_list", [listType(a)], intType, (list: List) => BigInt(list.size)),
    kind("size", "size_map", [mapType(a, b)], intType, (map: MapValue) => BigInt(map.size)),
  ]),
  // What transformMap and transformMapEntry are made of: the map is the macro's own.
  define("cel.@mapInsert", "@mapInsert_map_key_value", [mapType(a, b), a, b], mapType(a, b), insertInto),
  define(
    "cel.@mapInsert",
    "@mapInsert_map_map",
    [mapType(a, b), mapType(a, b)],
    mapType(a, b),
    (map: MapValue, added: MapValue) => {
      for (const key of added.keys()) insertInto(map, key, valueAt(added, key));
      return map;
    },
  ),
];

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOfBytes(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new EvaluationError("invalid UTF-8 in bytes, cannot convert to string", { cause });
  }
}

const same = (value: Value) => value;

const counted =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    countText(text);
    return parse(text);
  };

const conversions: readonly Definition[] = [
  define("dyn", "to_dyn", [a], dynType, same),
  define("type", "type", [a], typeType(a), (value: Value) => new TypeValue(typeName(value))),
  define("bool", "bool_to_bool", [boolType], boolType, same),
  define("bool", "string_to_bool", [stringType], boolType, parseBool),
  define("bytes", "bytes_to_bytes", [bytesType], bytesType, same),
  define(
    "bytes",
    "string_to_bytes",
    [stringType],
    bytesType,
    (text: string) => new TextEncoder().encode(text),
    cost.traversal(1, ({ min, max }) => ({ min, max: Math.min(max * 4, cost.unbounded) })),
  ),
  define("double", "double_to_double", [doubleType], doubleType, same),
  define("double", "int64_to_double", [intType], doubleType, (value: bigint) => Number(value)),
  define("double", "uint64_to_double", [uintType], doubleType, ({ value }: Uint) => Number(value)),
  define("double", "string_to_double", [stringType], doubleType, counted(parseDouble)),
  define("int", "int64_to_int64", [intType], intType, same),
  define("int", "uint64_to_int64", [uintType], intType, ({ value }: Uint) => int(value)),
  define("int", "double_to_int64", [doubleType], intType, intOfDouble),
  define("int", "string_to_int64", [stringType], intType, counted(parseInt64)),
  define("int", "timestamp_to_int64", [timestampType], intType, ({ nanos }: Timestamp) => secondsOf(nanos)),
  define("int", "duration_to_int64", [durationType], intType, ({ nanos }: Duration) => nanos),
  define("uint", "uint64_to_uint64", [uintType], uintType, same),
  define("uint", "int64_to_uint64", [intType], uintType, uint),
  define("uint", "double_to_uint64", [doubleType], uintType, uintOfDouble),
  define("uint", "string_to_uint64", [stringType], uintType, counted(parseUint64)),
  define("string", "string_to_string", [stringType], stringType, same),
  define("string", "bool_to_string", [boolType], stringType, String),
  define("string", "int64_to_string", [intType], stringType, String),
  define("string", "uint64_to_string", [uintType], stringType, ({ value }: Uint) => String(value)),
  define("string", "double_to_string", [doubleType], stringType, formatDouble),
  define(
    "string",
    "bytes_to_string",
    [bytesType],
    stringType,
    textOfBytes,
    cost.traversal(1, ({ min, max }) => ({ min: Math.floor(min / 4), max })),
  ),
  define("string", "timestamp_to_string", [timestampType], stringType, formatTimestamp),
  define("string", "duration_to_string", [durationType], stringType, formatDuration),
  define("timestamp", "timestamp_to_timestamp", [timestampType], timestampType, same),
  define("timestamp", "string_to_timestamp", [stringType], timestampType, counted(parseTimestamp)),
  define("timestamp", "int64_to_timestamp", [intType], timestampType, (seconds: bigint) =>
    timestampOf(seconds * 1_000_000_000n),
  ),
  define("duration", "duration_to_duration", [durationType], durationType, same),
  define("duration", "string_to_duration", [stringType], durationType, counted(parseDuration)),
  define("duration", "int64_to_duration", [intType], durationType, (nanos: bigint) => new Duration(nanos)),
];

function secondsOf(nanos: bigint): bigint {
  const rest = ((nanos % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return (nanos - rest) / 1_000_000_000n;
}

const texts: readonly Definition[] = [
  member(
    "contains",
    "contains_string",
    [stringType, stringType],
    boolType,
    (text: string, part: string) => text.includes(part),
    cost.contained,
  ),
  member(
    "startsWith",
    "starts_with_string",
    [stringType, stringType],
    boolType,
    (text: string, part: string) => text.startsWith(part),
    cost.affix,
  ),
  member(
    "endsWith",
    "ends_with_string",
    [stringType, stringType],
    boolType,
    (text: string, part: string) => text.endsWith(part),
    cost.affix,
  ),
  define("matches", "matches", [stringType, stringType], boolType, matches, cost.matching()),
  member("matches", "matches_string", [stringType, stringType], boolType, matches, cost.matching()),
];

function datePart(name: string, part: (parts: DateParts) => number): Definition[] {
  return [
    member(name, `timestamp_${name}`, [timestampType], intType, (at: Timestamp) => BigInt(part(partsOf(at)))),
    member(name, `timestamp_${name}_with_tz`, [timestampType, stringType], intType, (at: Timestamp, zone: string) =>
      BigInt(part(partsOf(at, zone))),
    ),
  ];
}

function durationPart(name: string, nanosPerUnit: bigint): Definition {
  return member(name, `duration_${name}`, [durationType], intType, ({ nanos }: Duration) => nanos / nanosPerUnit);
}

const times: readonly Definition[] = [
  ...datePart("getFullYear", ({ year }) => year),
  ...datePart("getMonth", ({ month }) => month),
  ...datePart("getDayOfYear", ({ dayOfYear }) => dayOfYear),
  ...datePart("getDayOfMonth", ({ day }) => day - 1),
  ...datePart("getDate", ({ day }) => day),
  ...datePart("getDayOfWeek", ({ dayOfWeek }) => dayOfWeek),
  ...datePart("getHours", ({ hours }) => hours),
  ...datePart("getMinutes", ({ minutes }) => minutes),
  ...datePart("getSeconds", ({ seconds }) => seconds),
  ...datePart("getMilliseconds", ({ milliseconds }) => milliseconds),
  durationPart("getHours", 3_600_000_000_000n),
  durationPart("getMinutes", 60_000_000_000n),
  durationPart("getSeconds", 1_000_000_000n),
  durationPart("getMilliseconds", 1_000_000n),
];

export const standardFunctions: readonly Definition[] = [
  ...logic,
  ...relations,
  ...operators,
  ...collections,
  ...conversions,
  ...texts,
  ...times,
];
