import assert from "node:assert/strict";
import { test } from "node:test";
import type { CustomResourceColumnDefinition } from "../types.generated.ts";
import { customColumns } from "./custom-columns.ts";
import { parseJsonPath } from "./json-path.ts";

const object = {
  metadata: { name: "a", labels: { "a.b/c": "d" }, creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: {
    list: [
      { name: "x", value: 1, on: true },
      { name: "y", value: 5 },
    ],
    numbers: [1, 2, 3],
    text: "t",
    half: 1.5,
    nothing: null,
  },
};

test("paths find what they name, and nothing where there is nothing", () => {
  const table: [string, unknown[]][] = [
    [".spec.text", ["t"]],
    ["$.spec.text", ["t"]],
    [".spec.none.deeper", []],
    [".metadata.labels.a\\.b/c", ["d"]],
    [".metadata.labels['a.b/c']", ["d"]],
    ['.metadata["labels"]["a.b/c"]', ["d"]],
    [".spec.list[0].name", ["x"]],
    [".spec.list[-1].name", ["y"]],
    [".spec.list[7].name", []],
    [".spec.list[*].name", ["x", "y"]],
    [".spec.numbers[0:2]", [1, 2]],
    [".spec.numbers[::2]", [1, 3]],
    [".spec.numbers[0,2]", [1, 3]],
    ['.spec.list[?(@.name=="y")].value', [5]],
    [".spec.list[?(@.value > 2)].name", ["y"]],
    [".spec.list[?(@.on)].name", ["x"]],
    [".spec.list[?(@.name!='x')].name", ["y"]],
    ["..name", ["a", "x", "y"]],
    [".spec.list.*.value", [1, 5]],
    [".", [object]],
  ];
  for (const [path, found] of table) assert.deepEqual(parseJsonPath(path)(object), found, path);
});

test("paths that lead everywhere end", () => {
  const wide = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`k${index}`, { a: [index] }]));
  assert.equal(parseJsonPath("..*")(wide).length, 1_000);
  assert.ok(parseJsonPath("..*..*..*")(wide).length <= 1_000);
  assert.deepEqual(parseJsonPath("..*..*..none")(wide), []);
});

test("what is no path is refused", () => {
  for (const path of [".a[", ".a[?(@.b", ".a]", ".a[x]", ".a b", ".a[0:2:0]"])
    assert.throws(() => parseJsonPath(path), Error, path);
});

test("cells have the type of their column, or are empty", () => {
  const cell = (type: string, jsonPath: string) => {
    const [, column] = customColumns([{ name: "C", type, jsonPath }]);
    return column?.of(
      { ...object, metadata: { ...object.metadata, uid: "u", resourceVersion: "1" } },
      Date.UTC(2026, 0, 1, 0, 5),
    );
  };
  const table: [string, string, unknown][] = [
    ["string", ".spec.text", "t"],
    ["string", ".spec.half", "1.5"],
    ["string", ".spec.numbers", "[1,2,3]"],
    ["string", ".spec.none", null],
    ["string", ".spec.nothing", null],
    ["integer", ".spec.half", 1],
    ["integer", ".spec.text", null],
    ["number", ".spec.half", 1.5],
    ["boolean", ".spec.list[0].on", true],
    ["boolean", ".spec.text", null],
    ["date", ".metadata.creationTimestamp", "5m"],
    ["date", ".spec.text", "<invalid>"],
    ["date", ".spec.half", null],
  ];
  for (const [type, path, expected] of table) assert.equal(cell(type, path), expected, `${type} ${path}`);
});

test("a kind without columns shows its age, and one with a path that cannot be read its name alone", () => {
  const names = (columns?: readonly CustomResourceColumnDefinition[]) => customColumns(columns).map(({ name }) => name);
  assert.deepEqual(names(), ["Name", "Age"]);
  assert.deepEqual(names([{ name: "X", type: "string", jsonPath: ".a[" }]), ["Name"]);
  const [, column] = customColumns([{ name: "X", type: "string", jsonPath: ".a", priority: 1, format: "byte" }]);
  assert.deepEqual(
    [column?.description, column?.priority, column?.format],
    ["Custom resource definition column (in JSONPath format): .a", 1, "byte"],
  );
});
