import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldErrorBody, rootPath } from "../meta/index.ts";
import type { Schema } from "./schema.ts";
import { applySchemaDefaults, pruneUnknownFields } from "./structural.ts";
import { validateSchema } from "./structural-validation.ts";

const object = (properties: Record<string, Schema>, more: Schema = {}): Schema => ({
  type: "object",
  properties,
  ...more,
});

test("fields that the schema does not know are removed", () => {
  const schema = object({
    spec: object({
      known: { type: "string" },
      list: { type: "array", items: object({ a: { type: "string" } }) },
      map: { type: "object", additionalProperties: object({ a: { type: "string" } }) },
      open: object({ inner: object({ a: { type: "string" } }) }, { "x-kubernetes-preserve-unknown-fields": true }),
      pod: object({}, { "x-kubernetes-embedded-resource": true }),
    }),
  });
  const value = {
    apiVersion: "v1",
    kind: "K",
    metadata: { name: "a" },
    other: 1,
    spec: {
      known: "a",
      unknown: 1,
      list: [{ a: "x", b: 1 }],
      map: { k: { a: "x", b: 1 } },
      open: { any: { thing: 1 }, inner: { a: "x", b: 1 } },
      pod: { apiVersion: "v1", kind: "Pod", metadata: {}, spec: {} },
    },
  };
  assert.deepEqual(pruneUnknownFields(value, schema), [
    "other",
    "spec.unknown",
    "spec.list[0].b",
    "spec.map.k.b",
    "spec.open.inner.b",
    "spec.pod.spec",
  ]);
  assert.deepEqual(value, {
    apiVersion: "v1",
    kind: "K",
    metadata: { name: "a" },
    spec: {
      known: "a",
      list: [{ a: "x" }],
      map: { k: { a: "x" } },
      open: { any: { thing: 1 }, inner: { a: "x" } },
      pod: { apiVersion: "v1", kind: "Pod", metadata: {} },
    },
  });
});

test("defaults fill in what is missing where the object around it exists", () => {
  const schema = object({
    a: { type: "integer", default: 1 },
    b: object({ c: { type: "string", default: "x" } }),
    d: object({ e: { type: "string", default: "x" } }, { default: {} }),
    list: { type: "array", items: object({ f: { type: "boolean", default: true } }) },
    map: { type: "object", additionalProperties: object({ g: { type: "integer", default: 2 } }) },
    n: { type: "string" },
    o: { type: "string", nullable: true, default: "y" },
  });
  const value = { a: null, list: [{}, { f: false }], map: { k: {} }, n: null, o: null };
  applySchemaDefaults(value, schema);
  assert.deepEqual(value, {
    a: 1,
    d: { e: "x" },
    list: [{ f: true }, { f: false }],
    map: { k: { g: 2 } },
    o: null,
  });
  // The schema's own value was copied, not filled in.
  assert.deepEqual(schema.properties?.d?.default, {});
});

test("values are validated with the field and the words of Kubernetes", () => {
  const at = rootPath.child("spec");
  for (const [value, schema, field, body] of [
    ["x", { type: "integer" }, "spec", 'Invalid value: "string": spec in body must be of type integer: "string"'],
    [1.5, { type: "integer" }, "spec", 'Invalid value: "number": spec in body must be of type integer: "number"'],
    [null, { type: "string" }, "spec", 'Invalid value: "null": spec in body must be of type string: "null"'],
    [{}, object({ a: {} }, { required: ["a"] }), "spec.a", "Required value"],
    ["c", { type: "string", enum: ["a", "b"] }, "spec", 'Unsupported value: "c": supported values: "a", "b"'],
    [0, { type: "integer", minimum: 1 }, "spec", "Invalid value: 0: spec in body should be greater than or equal to 1"],
    [
      5,
      { type: "integer", maximum: 5, exclusiveMaximum: true },
      "spec",
      "Invalid value: 5: spec in body should be less than 5",
    ],
    [5, { type: "integer", multipleOf: 2 }, "spec", "Invalid value: 5: spec in body should be a multiple of 2"],
    ["abc", { type: "string", maxLength: 2 }, "spec", "Too long: may not be more than 2 bytes"],
    ["", { type: "string", minLength: 1 }, "spec", 'Invalid value: "": spec in body should be at least 1 chars long'],
    ["B", { type: "string", pattern: "^[a-z]$" }, "spec", "Invalid value: \"B\": spec in body should match '^[a-z]$'"],
    [
      "x",
      { type: "string", format: "date-time" },
      "spec",
      'Invalid value: "x": spec in body must be of type date-time: "x"',
    ],
    [[1, 2], { type: "array", maxItems: 1 }, "spec", "Too many: 2: must have at most 1 items"],
    [[], { type: "array", minItems: 1 }, "spec", "Invalid value: 0: spec in body should have at least 1 items"],
    [["a", "a"], { type: "array", "x-kubernetes-list-type": "set" }, "spec[1]", 'Duplicate value: "a"'],
    [
      [{ n: "a" }, { n: "a" }],
      { type: "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"] },
      "spec[1]",
      'Duplicate value: {"n":"a"}',
    ],
    [
      { a: 1 },
      { type: "object", additionalProperties: { type: "string" } },
      "spec.a",
      'Invalid value: "integer": spec.a in body must be of type string: "integer"',
    ],
    [
      true,
      { "x-kubernetes-int-or-string": true },
      "spec",
      'Invalid value: "boolean": spec in body must be of type integer,string: "boolean"',
    ],
    [
      1,
      { anyOf: [{ minimum: 2 }, { minimum: 3 }] },
      "spec",
      "Invalid value: 1: spec in body must validate at least one schema (anyOf)",
    ],
    [
      3,
      { oneOf: [{ minimum: 2 }, { minimum: 3 }] },
      "spec",
      "Invalid value: 3: spec in body must validate one and only one schema (oneOf)",
    ],
    [3, { not: { minimum: 2 } }, "spec", "Invalid value: 3: spec in body must not validate the schema (not)"],
  ] as readonly (readonly [unknown, Schema, string, string])[]) {
    const errors = validateSchema(at, value, schema);
    assert.deepEqual(
      errors.map((each) => [each.field, fieldErrorBody(each)]),
      [[field, body]],
    );
  }
});

test("good values have no errors", () => {
  for (const [value, schema] of [
    [1, { type: "number" }],
    [null, { type: "string", nullable: true }],
    ["a", { "x-kubernetes-int-or-string": true }],
    [1, { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] }],
    ["2026-01-01T00:00:00Z", { type: "string", format: "date-time" }],
    [
      { a: { b: [1] } },
      object({ a: object({ b: { type: "array", items: { type: "integer" } } }, { required: ["b"] }) }),
    ],
  ] as readonly (readonly [unknown, Schema])[])
    assert.deepEqual(validateSchema(rootPath, value, schema), []);
});

test("the number of errors is bounded", () => {
  const errors = validateSchema(rootPath, Array(10_000).fill("x"), { type: "array", items: { type: "integer" } });
  assert.equal(errors.length, 100);
});
