// Texts by code points.
// https://pkg.go.dev/github.com/google/cel-go/ext#Strings, version 2
import * as cost from "../cost.ts";
import { type Definition, define, member } from "../functions.ts";
import { dynType, intType, listType, stringType } from "../types.ts";
import { ArrayList, codePointCount, countSearch, EvaluationError, type List, noSuchOverload } from "../values.ts";
import { bounded, formatText } from "./text-format.ts";

const texts = listType(stringType);

function outOfRange(index: bigint): EvaluationError {
  return new EvaluationError(`index out of range: ${index}`);
}

/** Whether every character is one of JavaScript's, so that positions are the same. */
const isPlain = (text: string) => codePointCount(text) === text.length;

/** The place in JavaScript's text of a position, which may be just behind the last character. */
function placeOf(text: string, position: bigint): number {
  if (position < 0n || position > BigInt(codePointCount(text))) throw outOfRange(position);
  if (isPlain(text)) return Number(position);
  let place = 0;
  for (let left = position; left > 0n; left--) place += (text.codePointAt(place) as number) > 0xffff ? 2 : 1; // within
  return place;
}

function charAt(text: string, position: bigint): string {
  const code = text.codePointAt(placeOf(text, position));
  return code === undefined ? "" : String.fromCodePoint(code);
}

const positionOf = (text: string, place: number) => (place < 0 ? -1n : BigInt(codePointCount(text.slice(0, place))));

function find(text: string, part: string, from: bigint): bigint {
  countSearch(text, part);
  return positionOf(text, text.indexOf(part, placeOf(text, from)));
}

function findLast(text: string, part: string, from: bigint): bigint {
  countSearch(text, part);
  return positionOf(text, text.lastIndexOf(part, placeOf(text, from)));
}

function substring(text: string, start: bigint, end: bigint): string {
  const [from, to] = [placeOf(text, start), placeOf(text, end)];
  if (from > to) throw new EvaluationError(`invalid substring range. start: ${start}, end: ${end}`);
  return text.slice(from, to);
}

/** Negative counts mean all. */
function replace(text: string, part: string, by: string, count: bigint): string {
  countSearch(text, part);
  const most = part === "" ? text.length + 1 : text.length / part.length;
  bounded(text.length + Math.min(count < 0n ? most : Number(count), most) * by.length);
  if (count < 0n && part !== "") return text.replaceAll(part, () => by);
  const chars = [...text];
  let result = "";
  let left = count < 0n ? BigInt(chars.length + 1) : count;
  if (part === "") {
    for (const char of ["", ...chars]) result += char + (left-- > 0n ? by : "");
    return result;
  }
  let at = 0;
  for (let next = text.indexOf(part); next >= 0 && left > 0n; next = text.indexOf(part, at), left--) {
    result += text.slice(at, next) + by;
    at = next + part.length;
  }
  return result + text.slice(at);
}

function split(text: string, separator: string, count: bigint): ArrayList {
  if (count === 0n) return new ArrayList([]);
  countSearch(text, separator);
  const parts = separator === "" ? [...text] : text.split(separator);
  if (count < 0n || BigInt(parts.length) <= count) return new ArrayList(parts);
  const kept = parts.slice(0, Number(count) - 1);
  return new ArrayList([...kept, parts.slice(kept.length).join(separator)]);
}

function join(list: List, separator: string): string {
  bounded(cost.joinedSize(list, separator));
  const parts: string[] = [];
  for (const part of list) {
    if (typeof part !== "string") throw noSuchOverload();
    parts.push(part);
  }
  return parts.join(separator);
}

const quotes: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

function quote(text: string): string {
  const body = Array.from(text.toWellFormed(), (char) => quotes[char] ?? char).join("");
  return `"${body}"`;
}

const sameSize = (size: cost.Range) => size;
const upTo = ({ max }: cost.Range): cost.Range => ({ min: 0, max });

const joined: cost.CostRule = {
  actual: ([list, separator]) => Math.ceil(cost.joinedSize(list, separator) * 2 * cost.traversalFactor),
  estimate: ([list, separator]) => {
    if (!list) return { cost: cost.fixed(1) };
    const items = cost.multiply(list.size, list.itemSize);
    const separators = { min: Math.max(0, list.size.min - 1), max: Math.max(0, list.size.max - 1) };
    const size = separator ? cost.add(items, cost.multiply(separator.size, separators)) : items;
    return { cost: cost.scale(size, cost.traversalFactor), size };
  },
};

/** The most comes out where the shortest part is replaced by the longest text, as often as it fits. */
const replaced: cost.CostRule = {
  ...cost.traversal(2),
  estimate: ([text, part, by]) => {
    if (!text || !part || !by) return { cost: cost.fixed(1) };
    return { cost: cost.scale(text.size, 2 * cost.traversalFactor), size: replacedSize(text.size, part.size, by.size) };
  },
};

function replacedSize(text: cost.Range, part: cost.Range, by: cost.Range): cost.Range {
  const most =
    part.min === 0
      ? { count: Math.min(text.max + 1, cost.unbounded), kept: text.max }
      : by.max <= part.min
        ? { count: 0, kept: text.max }
        : { count: Math.ceil(text.max / part.min), kept: 0 };
  const least =
    part.max === 0
      ? { count: Math.min(text.min + 1, cost.unbounded), kept: text.min }
      : part.max <= by.min
        ? { count: 0, kept: text.min }
        : { count: Math.ceil(text.min / part.max), kept: 0 };
  return cost.add(cost.multiply({ min: least.count, max: most.count }, by), { min: least.kept, max: most.kept });
}

const lower = (text: string) => text.replace(/[A-Z]/g, (char) => char.toLowerCase());
const upper = (text: string) => text.replace(/[a-z]/g, (char) => char.toUpperCase());
const whiteSpace = /\p{White_Space}/u;

/** White space of Unicode. A pattern would look for the end of the text from each space within it. */
function trim(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && whiteSpace.test(text[start] as string)) start++; // within
  while (end > start && whiteSpace.test(text[end - 1] as string)) end--; // as above
  return text.slice(start, end);
}

const whole = cost.traversal(1, sameSize);
const parted = cost.traversal(2, upTo);

export const stringFunctions: readonly Definition[] = [
  member("charAt", "string_char_at_int", [stringType, intType], stringType, charAt, {
    ...cost.nominal,
    actual: ([text]) =>
      typeof text === "string" && !isPlain(text) ? Math.ceil(text.length * cost.traversalFactor) : 1,
  }),
  member(
    "indexOf",
    "string_index_of_string",
    [stringType, stringType],
    intType,
    (text: string, part: string) => find(text, part, 0n),
    cost.listTraversal,
  ),
  member("indexOf", "string_index_of_string_int", [stringType, stringType, intType], intType, find, cost.listTraversal),
  member(
    "lastIndexOf",
    "string_last_index_of_string",
    [stringType, stringType],
    intType,
    (text: string, part: string) => findLast(text, part, BigInt(codePointCount(text))),
    cost.listTraversal,
  ),
  member(
    "lastIndexOf",
    "string_last_index_of_string_int",
    [stringType, stringType, intType],
    intType,
    findLast,
    cost.listTraversal,
  ),
  member("lowerAscii", "string_lower_ascii", [stringType], stringType, lower, whole),
  member("upperAscii", "string_upper_ascii", [stringType], stringType, upper, whole),
  member("trim", "string_trim", [stringType], stringType, trim, whole),
  member(
    "substring",
    "string_substring_int",
    [stringType, intType],
    stringType,
    (text: string, start: bigint) => substring(text, start, BigInt(codePointCount(text))),
    whole,
  ),
  member("substring", "string_substring_int_int", [stringType, intType, intType], stringType, substring, whole),
  member(
    "replace",
    "string_replace_string_string",
    [stringType, stringType, stringType],
    stringType,
    (text: string, part: string, by: string) => replace(text, part, by, -1n),
    replaced,
  ),
  member(
    "replace",
    "string_replace_string_string_int",
    [stringType, stringType, stringType, intType],
    stringType,
    replace,
    replaced,
  ),
  member(
    "split",
    "string_split_string",
    [stringType, stringType],
    texts,
    (text: string, separator: string) => split(text, separator, -1n),
    parted,
  ),
  member("split", "string_split_string_int", [stringType, stringType, intType], texts, split, parted),
  member("join", "list_join", [texts], stringType, (list: List) => join(list, ""), joined),
  member("join", "list_join_string", [texts, stringType], stringType, join, joined),
  member("format", "string_format", [stringType, listType(dynType)], stringType, formatText, cost.traversal()),
  define("strings.quote", "strings_quote", [stringType], stringType, quote, {
    actual: ([text]) => Math.ceil((typeof text === "string" ? codePointCount(text) : 1) * cost.traversalFactor),
    estimate: ([text]) => ({
      cost: cost.scale(text?.size ?? cost.unknownSize, cost.traversalFactor),
      size: { min: (text?.size.min ?? 0) + 2, max: Math.min((text?.size.max ?? 0) * 2 + 2, cost.unbounded) },
    }),
  }),
];
