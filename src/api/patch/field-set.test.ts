import assert from "node:assert/strict";
import { test } from "node:test";
import {
  difference,
  differenceBelow,
  emptySet,
  type FieldSet,
  FieldSetBuilder,
  formatPath,
  intersection,
  isFieldSet,
  pathsIn,
  step,
  union,
} from "./field-set.ts";

/** `a.b` is the field b of the field a. */
function set(...paths: readonly string[]): FieldSet {
  const builder = new FieldSetBuilder();
  for (const path of paths) builder.insert(path.split(".").map((name) => `f:${name}`));
  return builder.build();
}
const names = (value: FieldSet) => pathsIn(value).map((path) => path.map((element) => element.slice(2)).join("."));

test("paths are kept as fieldsV1", () => {
  assert.deepEqual(set("a.b", "a.c"), { "f:a": { "f:b": {}, "f:c": {} } });
  assert.deepEqual(set("a", "a.b"), { "f:a": { ".": {}, "f:b": {} } });
  assert.deepEqual(set("a.b", "a"), { "f:a": { ".": {}, "f:b": {} } });
  assert.deepEqual(set("a", "a"), { "f:a": {} });
  assert.deepEqual(names(set("b", "a.c", "a")), ["a", "b", "a.c"]);
});

test("sets are united, intersected and subtracted path by path", () => {
  for (const [a, b, both, common, rest, restBelow] of [
    [set("a"), set("b"), ["a", "b"], [], ["a"], ["a"]],
    [set("a", "a.b"), set("a"), ["a", "a.b"], ["a"], ["a.b"], []],
    [set("a.b", "a.c"), set("a.b"), ["a.b", "a.c"], ["a.b"], ["a.c"], ["a.c"]],
    [set("a"), set("a.b"), ["a", "a.b"], [], ["a"], ["a"]],
    [set("a.b.c", "a.b.d"), set("a.b"), ["a.b", "a.b.c", "a.b.d"], [], ["a.b.c", "a.b.d"], []],
    [emptySet, set("a"), ["a"], [], [], []],
    [set("a"), emptySet, ["a"], [], ["a"], ["a"]],
  ] as const) {
    assert.deepEqual(names(union(a, b)), both);
    assert.deepEqual(names(intersection(a, b)), common);
    assert.deepEqual(names(difference(a, b)), rest);
    assert.deepEqual(names(differenceBelow(a, b)), restBelow);
  }
});

test("a step tells the element from what is below it", () => {
  assert.deepEqual(step(set("a.b"), "f:a"), { has: false, below: { "f:b": {} } });
  assert.deepEqual(step(set("a"), "f:a"), { has: true, below: undefined });
  assert.deepEqual(step(set("a"), "f:b"), { has: false, below: undefined });
});

test("paths are printed as Kubernetes prints them", () => {
  assert.equal(
    formatPath(["f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name"]),
    '.spec.ports[port=80,protocol="TCP"].name',
  );
  assert.equal(formatPath(["f:metadata", "f:finalizers", 'v:"a/b"']), '.metadata.finalizers[="a/b"]');
  assert.equal(formatPath(["f:a", "i:0"]), ".a[0]");
});

test("what clients send as a set is checked", () => {
  assert.ok(isFieldSet({ "f:a": { ".": {}, 'k:{"name":"b"}': { "f:c": {} }, "v:1": {}, "i:0": {} } }));
  for (const bad of [null, [], "x", { a: {} }, { "f:a": 1 }, { "k:[]": {} }, { "k:x": {} }, { "i:x": {} }])
    assert.ok(!isFieldSet(bad), JSON.stringify(bad));
});
