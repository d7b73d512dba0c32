import assert from "node:assert/strict";
import { test } from "node:test";
import { exceedsBytes, utf8Length } from "./text.ts";

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

test("texts exceed a number of bytes only with more than that, all together", () => {
  for (const [bytesMax, texts, exceeds] of [
    [0, [], false],
    [-1, [], true],
    [3, ["abc"], false],
    [2, ["abc"], true],
    [4, ["é", "é"], false],
    [3, ["é", "é"], true],
    [4, ["😀"], false],
    [3, ["😀"], true],
  ] as const)
    assert.equal(exceedsBytes(bytesMax, texts), exceeds, `${bytesMax} ${texts}`);
  for (const [bytesMax, text, exceeds] of [
    [0, "", false],
    [2, "é", false],
    [1, "é", true],
    [63, "x".repeat(63), false],
    [63, "x".repeat(64), true],
    [63, "é".repeat(32), true],
  ] as const)
    assert.equal(exceedsBytes(bytesMax, text), exceeds, `${bytesMax} ${text}`);
});
