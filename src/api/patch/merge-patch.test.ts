import assert from "node:assert/strict";
import { test } from "node:test";
import { applyMergePatch } from "./merge-patch.ts";

test("merge patches merge objects and replace everything else (RFC 7386, appendix A)", () => {
  for (const [document, patch, result] of [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ a: 1 }, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
    [[1], { a: 1 }, { a: 1 }],
    [{}, { a: [null, { b: null, c: [{ d: null }] }] }, { a: [null, { c: [{}] }] }],
  ] as const) {
    const before = JSON.stringify(document);
    assert.deepEqual(applyMergePatch(document, patch), result);
    assert.equal(JSON.stringify(document), before);
  }
});

test("a merge patch must be an object", () => {
  assert.throws(() => applyMergePatch({}, []), {
    code: 400,
    message: "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
  });
  assert.throws(() => applyMergePatch({}, "x"), { code: 400 });
});

test("a field may be named __proto__", () => {
  const result = applyMergePatch({}, JSON.parse('{"__proto__":{"a":1}}')) as object;
  assert.deepEqual(Object.entries(result), [["__proto__", { a: 1 }]]);
});
