// What an expression computes with: CEL's values as they are in JavaScript.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#values
import type { CelType } from "./types.ts";

/**
 * bigint is int, number is double, Uint8Array is bytes. Lists and maps are classes of their own, since they
 * may stand over JSON that is converted only where an expression looks.
 */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | List
  | MapValue
  | Timestamp
  | Duration
  | TypeValue
  | Optional
  | Opaque;

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** A moment, in nanoseconds since 1970. */
export class Timestamp {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A span of time in nanoseconds. */
export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A type as a value: what `type(x)` gives and the name of a type stands for. */
export class TypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export class Optional {
  static readonly none = new Optional(undefined);
  readonly value: Value | undefined;
  constructor(value: Value | undefined) {
    this.value = value;
  }
}

/** A value of a library: a quantity, an address, an authorizer. */
export abstract class Opaque {
  abstract readonly type: CelType;
  abstract equals(other: Opaque): boolean;
}

export abstract class List {
  abstract readonly size: number;
  /** The item at an index that is in the list. */
  abstract at(index: number): Value;

  *[Symbol.iterator](): Generator<Value> {
    for (let index = 0; index < this.size; index++) yield this.at(index);
  }

  equalTo(other: List): boolean {
    if (this.size !== other.size) return false;
    countParts(this.size);
    for (let index = 0; index < this.size; index++) if (!equals(this.at(index), other.at(index))) return false;
    return true;
  }

  /** What `+` costs with this list on its left. */
  concatCost(_other: List): number {
    return 1;
  }

  /** Takes no time: lists that are doubled again and again would else fill the memory at next to no cost. */
  concat(other: List): List {
    return new JoinedList(this, other);
  }
}

class JoinedList extends List {
  readonly size: number;
  readonly #first: List;
  readonly #second: List;

  constructor(first: List, second: List) {
    super();
    this.#first = first;
    this.#second = second;
    this.size = first.size + second.size;
  }
  at(index: number): Value {
    return index < this.#first.size ? this.#first.at(index) : this.#second.at(index - this.#first.size);
  }

  /** By a stack of what is still to come: the lists may be joined many times over. */
  override *[Symbol.iterator](): Generator<Value> {
    const rest: List[] = [this];
    for (let list = rest.pop(); list; list = rest.pop()) {
      if (list instanceof JoinedList) rest.push(list.#second, list.#first);
      else for (let index = 0; index < list.size; index++) yield list.at(index);
    }
  }
}

export class ArrayList extends List {
  readonly items: Value[];
  constructor(items: Value[]) {
    super();
    this.items = items;
  }
  get size() {
    return this.items.length;
  }
  at(index: number): Value {
    return this.items[index] as Value; // the index is in the list
  }
}

export abstract class MapValue {
  abstract readonly size: number;
  /** undefined where the map has no such key. */
  abstract get(key: Value): Value | undefined;
  abstract keys(): Iterable<Value>;

  equalTo(other: MapValue): boolean {
    if (this.size !== other.size) return false;
    countParts(this.size);
    for (const key of this.keys()) {
      const [mine, theirs] = [this.get(key), other.get(key)];
      if (mine === undefined || theirs === undefined || !equals(mine, theirs)) return false;
    }
    return true;
  }
}

/** A map that an expression has made. */
export class EntryMap extends MapValue {
  readonly #entries = new Map<string | bigint | boolean | number, readonly [Value, Value]>();

  /** false where the key was there before. */
  add(key: Value, value: Value): boolean {
    const index = keyIndex(key);
    if (index === undefined) throw new EvaluationError(`unsupported key type: ${typeName(key)}`);
    if (this.#entries.has(index)) return false;
    this.#entries.set(index, [key, value]);
    return true;
  }
  get size() {
    return this.#entries.size;
  }
  get(key: Value): Value | undefined {
    const index = keyIndex(key);
    return index === undefined ? undefined : this.#entries.get(index)?.[1];
  }
  *keys() {
    for (const [key] of this.#entries.values()) yield key;
  }
}

/** What stands for a key in a JavaScript map: numbers that are equal are one key, whatever their types. */
export function keyIndex(key: Value): string | bigint | boolean | number | undefined {
  if (typeof key === "string" || typeof key === "boolean" || typeof key === "bigint") return key;
  if (key instanceof Uint) return key.value;
  if (typeof key === "number") return Number.isInteger(key) ? BigInt(key) : key;
  return undefined;
}

/** What went wrong while an expression ran. `&&`, `||` and the macros made of them may absorb it. */
export class EvaluationError extends Error {
  override readonly name: string = "EvaluationError";
}

/** What functions fail with when they are not made for the values that they are given. */
export function noSuchOverload(): EvaluationError {
  return new EvaluationError("no such overload");
}

/** The expression was ended because it cost too much. Nothing absorbs it. */
export class CostExceededError extends EvaluationError {
  override readonly name = "CostExceededError";
  constructor() {
    super("operation cancelled: actual cost limit exceeded");
  }
}

/** The name of a value's type, as `type(x)` prints it. */
export function typeName(value: Value): string {
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return "double";
    case "string":
      return "string";
  }
  if (value === null) return "null_type";
  if (value instanceof List) return "list";
  if (value instanceof MapValue) return value instanceof StructValue ? value.typeName : "map";
  if (value instanceof Uint) return "uint";
  if (value instanceof Uint8Array) return "bytes";
  if (value instanceof Timestamp) return "google.protobuf.Timestamp";
  if (value instanceof Duration) return "google.protobuf.Duration";
  if (value instanceof TypeValue) return "type";
  if (value instanceof Optional) return "optional_type";
  return value.type.name;
}

/** An object of a declared type: its fields are a map's keys. */
export abstract class StructValue extends MapValue {
  abstract readonly typeName: string;
}

const surrogates = /[\ud800-\udfff]/;

/** The lengths of long texts, oldest first: size() costs one, however long it takes to count. */
const counted = new Map<string, number>();
const countedMax = 16;
const longText = 4096;

/** The length in code points. */
export function codePointCount(text: string): number {
  if (text.length < longText) return countCodePoints(text);
  const known = counted.get(text);
  if (known !== undefined) return known;
  const count = countCodePoints(text);
  if (counted.size >= countedMax) counted.delete(counted.keys().next().value as string); // not empty
  counted.set(text, count);
  return count;
}

function countCodePoints(text: string): number {
  if (!surrogates.test(text)) return text.length;
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** What `size()` gives, and 1 for what has no size: what the cost of a call is counted in. */
export function sizeOf(value: Value): number {
  if (typeof value === "string") return codePointCount(value);
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof List || value instanceof MapValue) return value.size;
  return 1;
}

/** Below, at, or above zero; undefined where the values have no order among them, as NaN. */
export function compareValues(left: Value, right: Value): number | undefined {
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== undefined && b !== undefined) return compareNumbers(a, b);
  if (typeof left === "string" && typeof right === "string") return compareText(left, right);
  if (typeof left === "boolean" && typeof right === "boolean") return Number(left) - Number(right);
  if (left instanceof Uint8Array && right instanceof Uint8Array) return compareBytes(left, right);
  if (left instanceof Timestamp && right instanceof Timestamp) return Number(left.nanos - right.nanos);
  if (left instanceof Duration && right instanceof Duration) return Number(left.nanos - right.nanos);
  return undefined;
}

/** Whole numbers are compared with others as doubles, even where these cannot tell them apart: the language says so. */
function compareNumbers(left: bigint | number, right: bigint | number): number | undefined {
  const [a, b] = typeof left === typeof right ? [left, right] : [Number(left), Number(right)];
  return a < b ? -1 : a > b ? 1 : a === b ? 0 : undefined;
}

export function numberOf(value: Value): bigint | number | undefined {
  if (typeof value === "bigint" || typeof value === "number") return value;
  return value instanceof Uint ? value.value : undefined;
}

/** By code points, where JavaScript goes by UTF-16. */
function compareText(left: string, right: string): number {
  if (surrogates.test(left) || surrogates.test(right))
    return compareBytes(new TextEncoder().encode(left), new TextEncoder().encode(right));
  return left < right ? -1 : left > right ? 1 : 0;
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const common = Math.min(left.length, right.length);
  for (let index = 0; index < common; index++) {
    const difference = (left[index] as number) - (right[index] as number); // within both
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

let partsLeft = Number.POSITIVE_INFINITY;

/** How many parts of lists and maps may be gone through from now on: what that costs upstream does not tell how many. */
export function boundParts(count: number): void {
  partsLeft = count;
}

/** Throws CostExceededError. */
export function countParts(count: number): void {
  partsLeft -= count;
  if (partsLeft < 0) throw new CostExceededError();
}

/** Reading a text to its end is not charged upstream either: some characters count as one part. */
export function countText(text: string): void {
  countParts(text.length >> 4);
}

/** Looking for one text in another takes the product of their lengths where they are made for that. */
export function countSearch(text: string, part: string): void {
  countParts(Math.floor((text.length * part.length) / 1024));
}

/** CEL's equality: numbers by worth, values of different types are different. */
export function equals(left: Value, right: Value): boolean {
  if (typeof left === "string" || typeof left === "boolean" || left === null) return left === right;
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== undefined) return b !== undefined && compareNumbers(a, b) === 0;
  if (left instanceof List) return right instanceof List && left.equalTo(right);
  if (left instanceof MapValue) return right instanceof MapValue && left.equalTo(right);
  if (left instanceof Uint8Array) return right instanceof Uint8Array && compareBytes(left, right) === 0;
  if (left instanceof Timestamp) return right instanceof Timestamp && left.nanos === right.nanos;
  if (left instanceof Duration) return right instanceof Duration && left.nanos === right.nanos;
  if (left instanceof TypeValue) return right instanceof TypeValue && left.name === right.name;
  if (left instanceof Optional)
    return (
      right instanceof Optional &&
      (left.value === undefined || right.value === undefined
        ? left.value === right.value
        : equals(left.value, right.value))
    );
  return left instanceof Opaque && right instanceof Opaque && left.type.name === right.type.name && left.equals(right);
}
