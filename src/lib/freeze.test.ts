import assert from "node:assert/strict";
import { test } from "node:test";
import { deepEqual, deepFreeze, shared } from "./freeze.ts";

const old = deepFreeze({
  metadata: { labels: { app: "web" }, name: "a" },
  spec: { containers: [{ name: "one" }, { name: "two", args: ["x"] }], replicas: 1 },
});

test("a version that changes nothing is the old one", () => {
  assert.equal(shared(structuredClone(old), old), old);
  assert.equal(shared({ ...structuredClone(old), status: undefined }, old), old);
});

test("a version shares the parts that it leaves as they were, and stays what it was", () => {
  const next = deepFreeze({
    metadata: { name: "a", labels: { app: "web", tier: "front" } },
    spec: { containers: [{ name: "one" }, { name: "two", args: ["y"] }], replicas: 1 },
  });
  const result = shared(next, old);
  assert.deepEqual(result, next);
  assert.equal(result.spec.containers[0], old.spec.containers[0]);
  assert.notEqual(result.metadata.labels, old.metadata.labels);
});

test("what has gone does not come back", () => {
  assert.deepEqual(shared({ spec: { containers: [{ name: "one" }] } }, old), {
    spec: { containers: [{ name: "one" }] },
  });
  assert.deepEqual(shared({ spec: [] }, { spec: {} }), { spec: [] });
  assert.deepEqual(shared({ spec: null }, { spec: {} }), { spec: null });
});

test("a key that is called __proto__ is a key like any other", () => {
  const next = JSON.parse('{"labels":{"__proto__":{}},"same":{"a":1}}');
  const result = shared(next, { labels: {}, same: { a: 1 } });
  assert.equal(JSON.stringify(result), JSON.stringify(next));
});

test("lists are equal only to lists with the same items", () => {
  assert.ok(deepEqual([1, { a: [2] }], [1, { a: [2] }]));
  for (const other of [[1], [1, { a: [3] }], { 0: 1, 1: { a: [2] } }]) assert.ok(!deepEqual([1, { a: [2] }], other));
});

test("values are equal only when they have the same keys of their own", () => {
  const parse = (text: string) => JSON.parse(text);
  const equal = [
    ['{"a":1,"b":{"c":null}}', '{"b":{"c":null},"a":1}'],
    ['{"constructor":"x"}', '{"constructor":"x"}'],
    ['{"__proto__":{}}', '{"__proto__":{}}'],
  ] as const;
  const different = [
    ['{"a":1}', '{"a":2}'],
    ['{"a":1}', '{"a":1,"b":2}'],
    ["{}", '{"constructor":"x"}'],
    ["{}", '{"toString":"x"}'],
    ["{}", '{"__proto__":{}}'],
    ['{"a":1}', '{"__proto__":{}}'],
  ] as const;
  for (const [a, b] of equal) assert.ok(deepEqual(parse(a), parse(b)) && deepEqual(parse(b), parse(a)), `${a} ${b}`);
  for (const [a, b] of different)
    assert.ok(!deepEqual(parse(a), parse(b)) && !deepEqual(parse(b), parse(a)), `${a} ${b}`);
  assert.ok(deepEqual({ a: undefined }, {}) && deepEqual({}, { a: undefined }));
  assert.ok(!deepEqual({ a: undefined }, { b: 1 }) && !deepEqual({ a: undefined }, { a: 1 }));
});
