import assert from "node:assert/strict";
import { test } from "node:test";
import { type FieldError, fieldErrorBody, rootPath } from "../meta/index.ts";
import { validateEmbeddedResources } from "./embedded-resources.ts";
import { validateListTypes } from "./list-type-validation.ts";
import type { Schema } from "./schema.ts";
import { hasFormat } from "./string-formats.ts";
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

test("defaults do not make gigabytes of a small object", () => {
  const text: Schema = { type: "string", default: "x".repeat(100_000) };
  const list = Array.from({ length: 10_000 }, () => ({}));
  assert.throws(() => applySchemaDefaults({ list }, object({ list: { type: "array", items: object({ text }) } })), {
    code: 413,
  });
});

test("values are validated with the field and the words of Kubernetes", () => {
  const at = rootPath.child("spec");
  for (const [value, schema, field, body] of [
    ["x", { type: "integer" }, "spec", 'Invalid value: "string": spec in body must be of type integer: "string"'],
    [1.5, { type: "integer" }, "spec", 'Invalid value: "number": spec in body must be of type integer: "number"'],
    [1e30, { type: "integer" }, "spec", 'Invalid value: "number": spec in body must be of type integer: "number"'],
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
      3,
      { oneOf: [{ minimum: 2 }, { minimum: 3 }] },
      "<nil>",
      'Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ],
    [3, { not: { minimum: 2 } }, "<nil>", 'Invalid value: "": "spec" must not validate the schema (not)'],
    [
      "a-b",
      { type: "string", format: "uuid4" },
      "spec",
      'Invalid value: "a-b": spec in body must be of type uuid4: "a-b"',
    ],
  ] as readonly (readonly [unknown, Schema, string, string])[]) {
    const errors = validateSchema(at, value, schema);
    assert.deepEqual(
      errors.map((each) => [each.field, fieldErrorBody(each)]),
      [[field, body]],
    );
  }
});

const told = (errors: readonly FieldError[]) => errors.map((each) => `${each.field}: ${fieldErrorBody(each)}`);

test("of alternatives that all fail, the errors of the one that says most of the value are told", () => {
  const at = rootPath.child("spec");
  const fails = { required: ["a"], properties: { a: { type: "string" } } } as const;
  const says = { ...fails, properties: { b: { type: "string" } } } as const;
  assert.deepEqual(told(validateSchema(at, { b: 1 }, { anyOf: [fails, says] })), [
    '<nil>: Invalid value: "": "spec" must validate at least one schema (anyOf)',
    'spec.b: Invalid value: "integer": spec.b in body must be of type string: "integer"',
    "spec.a: Required value",
  ]);
  assert.deepEqual(told(validateSchema(at, 1, { oneOf: [{ minimum: 2 }, { minimum: 3 }] })), [
    '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found none valid',
    "spec: Invalid value: 1: spec in body should be greater than or equal to 2",
  ]);
  assert.deepEqual(told(validateSchema(at, 1, { allOf: [{ minimum: 2 }, { minimum: 1 }] })), [
    "spec: Invalid value: 1: spec in body should be greater than or equal to 2",
    '<nil>: Invalid value: "": "spec" must validate all the schemas (allOf)',
  ]);
});

test("a value of a wrong type may have other errors too", () => {
  const schema: Schema = { type: "string", enum: ["a"], minimum: 5 };
  assert.deepEqual(told(validateSchema(rootPath.child("x"), 3, schema)), [
    'x: Invalid value: "integer": x in body must be of type string: "integer"',
    "x: Invalid value: 3: x in body should be greater than or equal to 5",
    'x: Unsupported value: 3: supported values: "a"',
  ]);
});

test("what an update leaves as it was may stay wrong", () => {
  const schema = object(
    {
      a: { type: "string", maxLength: 1 },
      list: {
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
        items: object({ k: { type: "string" }, v: { type: "integer" } }),
      },
      set: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string", maxLength: 1 } },
    },
    { required: ["b"] },
  );
  const value = { a: "long", list: [{ k: "x", v: "text" }], set: ["long"] };
  const after = (next: unknown) => told(validateSchema(rootPath.child("spec"), next, schema, { value }));
  assert.deepEqual(after(value), []);
  assert.deepEqual(after({ ...value, b: 1 }), []);
  assert.deepEqual(after({ ...value, c: 1 }), ["spec.b: Required value"]);
  assert.deepEqual(after({ ...value, b: 1, a: "longer" }), ["spec.a: Too long: may not be more than 1 bytes"]);
  // Items are the same by their keys, not by their place.
  assert.deepEqual(after({ ...value, b: 1, list: [{ k: "new", v: 1 }, ...value.list] }), []);
  assert.deepEqual(after({ ...value, b: 1, set: ["long", "a"] }), [
    "spec.set[0]: Too long: may not be more than 1 bytes",
  ]);
});

test("sets hold each value once, and maps each combination of keys", () => {
  const at = rootPath.child("spec");
  const map: Schema = {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["n", "p"],
    items: object({ n: { type: "string" }, p: { type: "string", default: "TCP" } }),
  };
  assert.deepEqual(told(validateListTypes(at, ["a", "b", "a"], { type: "array", "x-kubernetes-list-type": "set" })), [
    'spec[2]: Duplicate value: "a"',
  ]);
  assert.deepEqual(told(validateListTypes(at, { m: [{ n: "a" }, { n: "a", p: "TCP" }] }, object({ m: map }))), [
    'spec.m[1]: Duplicate value: {"n":"a","p":"TCP"}',
  ]);
  const odd = { type: "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["__proto__"] } as const;
  const items = JSON.parse('[{"__proto__":"a"},{"__proto__":"b"},{"__proto__":"a"}]');
  assert.deepEqual(told(validateListTypes(at, items, odd)), ['spec[2]: Duplicate value: {"__proto__":"a"}']);
});

test("an embedded object says what it is, and has metadata that can be", () => {
  const schema = object({ pod: object({}, { "x-kubernetes-embedded-resource": true }) });
  const after = (pod: object) => told(validateEmbeddedResources(rootPath, { pod }, schema));
  assert.deepEqual(after({ apiVersion: "v1", kind: "Pod", metadata: { name: "a" } }), []);
  assert.deepEqual(
    after({ metadata: { labels: { "a b": "c" } } }).map((each) => each.split(":")[0]),
    ["pod.apiVersion", "pod.kind", "pod.metadata.labels"],
  );
  assert.deepEqual(
    after({ apiVersion: "v1", kind: "Pod", metadata: { name: 1 } }).map((each) => each.split(":")[0]),
    ["pod.metadata"],
  );
});

test("formats are those that Kubernetes knows", () => {
  const table: readonly (readonly [format: string, good: string, bad: string])[] = [
    ["bsonobjectid", "507f1f77bcf86cd799439011", "507f"],
    ["byte", "YWJj", "YWJ"],
    ["cidr", "10.0.0.0/8", "10.0.0.0"],
    ["creditcard", "4111-1111-1111-1111", "4111-1111-1111-1112"],
    ["date", "2026-02-28", "2026-02-30"],
    ["datetime", "2026-02-28T00:00:00Z", "2026-02-28"],
    ["date-time", "2026-02-28T00:00:00Z", "2026-02-28"],
    ["duration", "1h30m", "1 hour"],
    ["email", "a@b.example", "a"],
    ["hexcolor", "#aabbcc", "#aabbc"],
    ["hostname", "a.example", "a_b"],
    ["ipv4", "10.0.0.1", "10.0.0"],
    ["ipv6", "::1", "10.0.0.1"],
    ["isbn10", "0-306-40615-2", "0-306-40615-3"],
    ["isbn13", "978-0-306-40615-7", "978-0-306-40615-8"],
    ["isbn", "0306406152", "12"],
    ["k8s-short-name", "a-b", "a.b"],
    ["k8s-long-name", "a.b", "A.b"],
    ["mac", "00:1a:2b:3c:4d:5e", "00:1a"],
    ["rgbcolor", "rgb(1, 2,3)", "rgb(1,2,300)"],
    ["ssn", "123-45-6789", "123"],
    ["uri", "https://a.example/b", "a b"],
    ["uuid", "507f1f77-bcf8-6cd7-9943-9011507f1f77", "507f"],
    ["uuid3", "507f1f77-bcf8-3cd7-9943-9011507f1f77", "507f1f77-bcf8-4cd7-9943-9011507f1f77"],
  ];
  for (const [format, good, bad] of table) {
    assert.ok(hasFormat(good, format), `${good} is a ${format}`);
    assert.ok(!hasFormat(bad, format), `${bad} is no ${format}`);
  }
  assert.ok(hasFormat("anything", "of-my-own"));
});

test("patterns are those of RE2, which take no longer than the text is long", () => {
  const at = rootPath.child("x");
  const evil = "a".repeat(50_000);
  assert.deepEqual(validateSchema(at, `${evil}!`, { type: "string", pattern: "^(a+)+$" }).length, 1);
  assert.deepEqual(validateSchema(at, "ABC", { type: "string", pattern: "(?i)^abc\\z" }), []);
  assert.deepEqual(validateSchema(at, "a", { type: "string", pattern: "(?P<x>[[:alpha:]])" }), []);
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
