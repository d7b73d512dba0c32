import { parseJson } from "../../lib/index.ts";
import { type ApiError, badRequest } from "../meta/index.ts";
import { JsonSyntaxError, scanJson } from "./json-scanner.ts";
import { isObject } from "./json-value.ts";

export interface Decoded {
  readonly value: unknown;
  /** Sentences about what stands twice; the last one counts. */
  readonly duplicates: readonly string[];
  /** These and the sentences about the fields that a type does not have, in the order in which a Go type meets them. */
  readonly inOrder?: SentencesInOrder;
}

export type SentencesInOrder = (unknownFields: readonly string[]) => readonly string[];

const duplicateField = (field: string) => `duplicate field ${JSON.stringify(field)}`;
export const unknownField = (field: string) => `unknown field ${JSON.stringify(field)}`;

/** Values within values; the walkers of objects are recursive. Go's limit is 10000, real objects stay under 100. */
const depthMax = 500;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The error for a body that is no JSON, of why it is none. */
export type JsonRefusal = (why: string, body: Uint8Array | string) => Error;

/** Reads the JSON of a request's body; throws what `refusal` makes when it is none. */
export function decodeJson(body: Uint8Array | string, refusal: JsonRefusal = unreadable): Decoded {
  // Kubernetes too takes invalid UTF-8 for U+FFFD; a byte order mark is not JSON.
  const text = typeof body === "string" ? body : utf8.decode(body);
  const { members, depth } = measure(text);
  if (depth > depthMax) throw refusal("exceeded max depth", body);
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw refusal(syntaxMessage(text, error), body);
  }
  const found = countMembers(value);
  if (Number.isNaN(found)) throw refusal(largeNumberMessage(text), body);
  // As many members in the text as in the value: none stands twice, and the slow reading is spared.
  const duplicates = members === found ? [] : scanJson(text).duplicates;
  if (duplicates.length === 0) return { value, duplicates };
  return { value, duplicates: duplicates.map(duplicateField), inOrder: (unknown) => inOrderOf(text, unknown) };
}

/** Go looks neither into what a type does not have, nor whether it stands twice. */
function inOrderOf(text: string, unknownFields: readonly string[]): string[] {
  const unknown = new Set(unknownFields);
  const isWithin = (field: string) => unknownFields.some((each) => field === each || /^[.[]/.test(rest(field, each)));
  return scanJson(text, unknown).found.flatMap(({ field, isDuplicate }) => {
    if (!isDuplicate) return [unknownField(field)];
    return isWithin(field) ? [] : [duplicateField(field)];
  });
}

const rest = (field: string, start: string) => (field.startsWith(start) ? field.slice(start.length) : "");

function syntaxMessage(text: string, error: unknown): string {
  try {
    scanJson(text);
  } catch (found) {
    if (found instanceof JsonSyntaxError) return found.message;
    throw found;
  }
  return String(error);
}

/** JavaScript takes a number that is too large for infinite, of which JSON knows nothing. */
function largeNumberMessage(text: string): string {
  let large = "";
  JSON.parse(text, (_key, value, { source = "" }) => {
    if (isInfinite(value)) large ||= source;
    return value;
  });
  return `json: cannot unmarshal number ${large} into Go value of type float64`;
}

const isInfinite = (value: unknown) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;

/** The 400 for a body that says not even what it is. */
const unreadable: JsonRefusal = (why) => badRequest(unreadableMessage(why));

/** The same for a body that is to be an object of a kind. */
export const unreadableAs =
  (kind: string): JsonRefusal =>
  (why, body) =>
    unrecognized(kind, unreadableMessage(why), body);

const unreadableMessage = (why: string) => `couldn't get version/kind; json parse error: ${why}`;

/** The 400 for a body that is to be an object of a kind and does not even say what it is. */
export function unrecognized(kind: string, why: string, body: Uint8Array | string): ApiError {
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summary(body)})`);
}

/** The first bytes of a body: JSON as it stands, anything else in hexadecimal. */
function summary(body: Uint8Array | string): string {
  const bytesMax = 30;
  if (body.length === 0) return "<empty>";
  const bytes = typeof body === "string" ? new TextEncoder().encode(body.slice(0, bytesMax + 1)) : body;
  const more = bytes.length > bytesMax ? " ..." : "";
  const head = bytes.subarray(0, bytesMax);
  const isJson = head[0] === 0x7b;
  return (isJson ? utf8.decode(head) : head.toHex()) + more;
}

/** Members of objects and the depth of nesting in a JSON text; means nothing for a text that is no JSON. */
function measure(text: string): { readonly members: number; readonly depth: number } {
  let members = 0;
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // A string: nothing in it counts.
        at = endOfString(text, at + 1);
        break;
      case 0x3a: // :
        members++;
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > deepest) deepest = depth;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
    }
  }
  return { members, depth: deepest };
}

/** The index of the quote that ends the string, or the length of a text that ends before. */
function endOfString(text: string, at: number): number {
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return quote;
    at = quote + 1;
  }
}

/** NaN when there is a number too large to be one. */
function countMembers(value: unknown): number {
  let members = 0;
  if (Array.isArray(value)) for (const each of value) members += countMembers(each);
  else if (isObject(value))
    for (const key in value) {
      const each = value[key];
      members += typeof each === "object" ? 1 + countMembers(each) : isInfinite(each) ? Number.NaN : 1;
    }
  else if (isInfinite(value)) return Number.NaN;
  return members;
}
