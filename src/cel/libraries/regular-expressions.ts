// https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-regex-library
import * as cost from "../cost.ts";
import { type Definition, member } from "../functions.ts";
import { findAll } from "../regular-expressions.ts";
import { intType, listType, stringType } from "../types.ts";
import { ArrayList } from "../values.ts";

const texts = listType(stringType);
const found = cost.matching(({ max }) => ({ min: 0, max }));
const all = (text: string, pattern: string, limit: bigint) =>
  new ArrayList(findAll(text, pattern, limit < 0n ? Number.POSITIVE_INFINITY : Number(limit)));

export const regexFunctions: readonly Definition[] = [
  member(
    "find",
    "string_find_string",
    [stringType, stringType],
    stringType,
    (text: string, pattern: string) => findAll(text, pattern, 1)[0] ?? "",
    found,
  ),
  member(
    "findAll",
    "string_find_all_string",
    [stringType, stringType],
    texts,
    (text: string, pattern: string) => all(text, pattern, -1n),
    found,
  ),
  member("findAll", "string_find_all_string_int", [stringType, stringType, intType], texts, all, found),
];
