import assert from "node:assert/strict";
import { test } from "node:test";
import { applyJsonPatch, whyNotPatched } from "./json-patch.ts";

const cases: readonly (readonly [name: string, document: unknown, patch: unknown, result: unknown])[] = [
  ["add a field", { a: 1 }, [{ op: "add", path: "/b", value: 2 }], { a: 1, b: 2 }],
  ["add over a field", { a: 1 }, [{ op: "add", path: "/a", value: null }], { a: null }],
  ["add into a list", [1, 3], [{ op: "add", path: "/1", value: 2 }], [1, 2, 3]],
  ["append", { a: [1] }, [{ op: "add", path: "/a/-", value: 2 }], { a: [1, 2] }],
  ["replace the root", { a: 1 }, [{ op: "replace", path: "", value: { b: 1 } }], { b: 1 }],
  ["an index as Go reads it", [1, 3], [{ op: "add", path: "/+01", value: 2 }], [1, 2, 3]],
  ["negative index", [1, 2], [{ op: "replace", path: "/-1", value: 3 }], [1, 3]],
  ["append by a negative index", [1, 2], [{ op: "add", path: "/-1", value: 3 }], [1, 2, 3]],
  [
    "remove",
    { a: [1, 2], b: 1 },
    [
      { op: "remove", path: "/a/0" },
      { op: "remove", path: "/b" },
    ],
    { a: [2] },
  ],
  ["replace", { a: { b: 1 } }, [{ op: "replace", path: "/a/b", value: [1] }], { a: { b: [1] } }],
  ["replace a field that is missing", { a: {} }, [{ op: "replace", path: "/a/b", value: 1 }], { a: { b: 1 } }],
  ["copy a field that is missing", {}, [{ op: "copy", from: "/a", path: "/b" }], { b: null }],
  ["move", { a: { b: 1 }, c: [] }, [{ op: "move", from: "/a/b", path: "/c/0" }], { a: {}, c: [1] }],
  [
    "copy",
    { a: { b: 1 } },
    [
      { op: "copy", from: "/a", path: "/c" },
      { op: "add", path: "/c/b", value: 2 },
    ],
    { a: { b: 1 }, c: { b: 2 } },
  ],
  ["test", { a: { b: [1, null] } }, [{ op: "test", path: "/a", value: { b: [1, null] } }], { a: { b: [1, null] } }],
  ["a value that is missing is null", { a: 1 }, [{ op: "add", path: "/a" }], { a: null }],
  ["test for absence", {}, [{ op: "test", path: "/a", value: null }], {}],
  [
    "escapes",
    { "a/b": 1, "m~n": 2 },
    [
      { op: "remove", path: "/a~1b" },
      { op: "replace", path: "/m~0n", value: 3 },
    ],
    { "m~n": 3 },
  ],
  ["an empty key", { "": 1 }, [{ op: "replace", path: "/", value: 2 }], { "": 2 }],
  ["no operations", { a: 1 }, [], { a: 1 }],
];

for (const [name, document, patch, result] of cases)
  test(`JSON patch: ${name}`, () => {
    const before = JSON.stringify(document);
    assert.deepEqual(applyJsonPatch(document, patch), result);
    assert.equal(JSON.stringify(document), before);
  });

test("an operation that does not fit is a 422", () => {
  for (const operation of [
    { op: "remove", path: "/missing" },
    { op: "replace", path: "/missing/x", value: 1 },
    { op: "replace", path: "/list/1", value: 1 },
    { op: "replace", path: "", value: 1 },
    { op: "add", path: "", value: {} },
    { op: "remove", path: "" },
    { op: "test", path: "/list/1", value: null },
    { op: "copy", from: "/list/1", path: "/a" },
    { op: "copy", from: "", path: "/a" },
    { op: "add", path: "/missing/x", value: 1 },
    { op: "add", path: "/list/9", value: 1 },
    { op: "add", path: "/list/x", value: 1 },
    { op: "test", path: "/a", value: 2 },
    { op: "move", from: "/missing", path: "/a" },
    { op: "copy", from: "/missing/x", path: "/a" },
    { op: "merge", path: "/a", value: 1 },
    { op: "add", path: "a", value: 1 },
    { op: "remove", path: "/constructor" },
    { op: "remove" },
  ])
    assert.throws(
      () => applyJsonPatch({ a: 1, list: [1] }, [operation]),
      { code: 422, reason: "Invalid", message: "the server rejected our request due to an error in our request" },
      JSON.stringify(operation),
    );
});

test("why an operation does not fit is told to those who pass it on", () => {
  const missing = "missing value";
  const table: readonly (readonly [object, string])[] = [
    [{ op: "add", path: "/b/c" }, `add operation does not apply: doc is missing path: "/b/c": ${missing}`],
    [
      { op: "add", path: "/list/x" },
      "error in add for path: '/list/x': value was not a proper array index: 'x': strconv.Atoi: parsing \"x\": invalid syntax",
    ],
    [{ op: "replace", path: "/list/7" }, `replace operation does not apply: doc is missing key: /list/7: ${missing}`],
    [{ op: "replace", path: "/b/c" }, `replace operation does not apply: doc is missing path: /b/c: ${missing}`],
    [
      { op: "remove", path: "/list/-2" },
      "error in remove for path: '/list/-2': Unable to access invalid index: -2: invalid index referenced",
    ],
    [{ op: "remove", path: "" }, `remove operation does not apply: doc is missing path: "": ${missing}`],
    [
      { op: "move", from: "/b", path: "/c" },
      `error in move for path: 'b': Unable to remove nonexistent key: b: ${missing}`,
    ],
    [
      { op: "copy", from: "/b/c", path: "/c" },
      `copy operation does not apply: doc is missing from path: /b/c: ${missing}`,
    ],
    [{ op: "test", path: "/a", value: 2 }, "testing value /a failed: test failed"],
    [{ op: "merge", path: "/a" }, "Unexpected kind: merge"],
  ];
  for (const [operation, why] of table)
    assert.throws(
      () => applyJsonPatch({ a: 1, list: [1] }, [operation]),
      (error) => whyNotPatched(error) === why || assert.equal(whyNotPatched(error), why),
    );
});

test("a patch of the wrong form is a 400", () => {
  for (const patch of [{}, "x", null, [1], [[]]]) assert.throws(() => applyJsonPatch({}, patch), { code: 400 });
});

test("operations and copies are limited", () => {
  const many = Array(10_001).fill({ op: "test", path: "/a", value: null });
  assert.throws(() => applyJsonPatch({}, many), {
    code: 413,
    message: "Request entity is too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
  });
  const doubling = Array.from({ length: 40 }, () => ({ op: "copy", from: "/a", path: "/a/-" }));
  assert.throws(() => applyJsonPatch({ a: [1] }, doubling), { code: 422 });
});

test("prototypes are out of reach", () => {
  const patch = [{ op: "add", path: "/__proto__", value: { polluted: true } }];
  const result = applyJsonPatch({}, patch) as object;
  assert.deepEqual(Object.keys(result), ["__proto__"]);
  assert.equal("polluted" in {}, false);
  assert.throws(() => applyJsonPatch({}, [{ op: "add", path: "/__proto__/polluted", value: true }]), { code: 422 });
});
