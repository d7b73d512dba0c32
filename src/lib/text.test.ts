import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8Length } from "./text.ts";

test("a text's length in UTF-8 counts bytes, not characters", () => {
  for (const [text, bytes] of [
    ["", 0],
    ["plain", 5],
    ["\x7f", 1],
    ["é", 2],
    ["aé", 3],
    ["€", 3],
    ["😀", 4],
  ] as const)
    assert.equal(utf8Length(text), bytes, text);
});
