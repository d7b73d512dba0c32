import assert from "node:assert/strict";
import { test } from "node:test";
import { deepEqual } from "./freeze.ts";
import { formatJson, hasLongInteger, int64, parseJson } from "./json.ts";

const largest = "9223372036854775807";

test("integers of 64 bits come out of JSON as they went in", () => {
  const text = `{"a":[9007199254740993,-9007199254740993,${largest},-9223372036854775808],"b":{"c":1,"d":1.5}}`;
  assert.equal(formatJson(parseJson(text)), text);
  assert.equal(formatJson(parseJson(text), 1).replace(/\s/g, ""), text);
});

test("only what a number cannot hold is a bigint", () => {
  assert.deepEqual(parseJson("[9007199254740991,9007199254740992,-9007199254740991,1,0.1234567890123456,1e17]"), [
    9007199254740991,
    9007199254740992n,
    -9007199254740991,
    1,
    0.1234567890123456,
    1e17,
  ]);
  assert.equal(int64(5n), 5);
  assert.equal(int64(2n ** 63n), undefined);
  assert.equal(int64(-(2n ** 63n)), -(2n ** 63n));
});

test("larger integers are numbers, as Go has them", () => {
  assert.deepEqual(parseJson("[9223372036854775808,-9223372036854775809,123456789012345678901234567890]"), [
    2 ** 63,
    -(2 ** 63),
    1.2345678901234568e29,
  ]);
});

test("digits in texts are texts, and names that JavaScript has a meaning for are names", () => {
  const text = `{"__proto__":"${largest}","constructor":${largest},"a":"\\"${largest}"}`;
  assert.equal(formatJson(parseJson(text)), text);
});

test("exact integers are equal when they are the same", () => {
  assert.ok(deepEqual(parseJson(`{"a":${largest}}`), parseJson(`{"a":${largest}}`)));
  assert.ok(!deepEqual(parseJson(`{"a":${largest}}`), parseJson(`{"a":9223372036854775806}`)));
});

test("a long integer is found wherever it stands", () => {
  for (let before = 0; before < 40; before++) {
    const text = `${" ".repeat(before)}1234567890123456`;
    assert.ok(hasLongInteger(text), text);
    assert.ok(hasLongInteger(`${text},`), text);
    assert.ok(!hasLongInteger(`${text.slice(0, -1)},6`), text);
  }
});

test("what cannot be JSON is an error still", () => {
  const circle: { self?: object } = {};
  circle.self = circle;
  assert.throws(() => formatJson(circle), TypeError);
  assert.throws(() => parseJson("1234567890123456x"), SyntaxError);
});
