// The numbers are those of cel-go's and Kubernetes' own tests: which rules a CRD may have depends on them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CelType, compile, dynType, Environment, schemaType, type TypeSchema } from "./index.ts";

function typeOf(schema: TypeSchema): CelType {
  const type = schemaType(schema, "self");
  assert.ok(type);
  return type;
}

const item: TypeSchema = { type: "object", properties: { number: { type: "integer" } } };
const listOf = (items: TypeSchema, maxItems: number): TypeSchema => ({ type: "array", items, maxItems });
const mapOf = (additionalProperties: TypeSchema, maxProperties: number): TypeSchema => ({
  type: "object",
  additionalProperties,
  maxProperties,
});
/** A text's bound counts four bytes for each character. */
const text = (size: number): TypeSchema => ({ type: "string", maxLength: size / 4 });

const estimates: readonly (readonly [expression: string, variables: Record<string, TypeSchema>, max: number])[] = [
  ["'Hello World!'", {}, 0],
  ["input", { input: listOf({ type: "integer" }, 5) }, 1],
  ["input['key']", { input: mapOf(text(4), 5) }, 2],
  ["input.number", { input: item }, 2],
  ["has(input.number)", { input: item }, 1],
  ["[1, 2, 3]", {}, 10],
  ["{'a': 1, 'b': 2, 'c': 3}", {}, 30],
  ["input.all(x, true)", { input: listOf(item, 100) }, 302],
  ["input.all(x, x.all(y, true))", { input: listOf(listOf(item, 10), 50) }, 1752],
  ["[1, 2, 3].all(x, true)", {}, 20],
  ["input.matches('[0-9]')", { input: text(500) }, 103],
  ["'123'.matches('[0-9]')", {}, 2],
  ["true || false", {}, 0],
  ["1 < 2", {}, 1],
  ["1 == 2", {}, 1],
  ["2 in [1, 2, 3]", {}, 13],
  ["1 + 1", {}, 1],
  ["true ? 1 : 2", {}, 0],
  ["size('123')", {}, 1],
  ["string(input)", { input: { type: "string", format: "byte", maxLength: 500 } }, 51],
  ["bytes(input)", { input: text(500) }, 51],
  ["input.contains(part)", { input: text(500), part: text(500) }, 2502],
  ["input.startsWith(part)", { input: text(4), part: text(500) }, 52],
  ["input.size()", { input: text(4) }, 2],
  ["(x > 2 ? one : other).all(y, true)", { x: { type: "integer" }, one: listOf(item, 1), other: listOf(item, 1) }, 7],
  ["input.all(k, input[k].number > 3)", { input: mapOf(item, 10) }, 82],
  ["input.all(k, input[k].all(x, true))", { input: mapOf(mapOf(item, 10), 5) }, 187],
  ["(one + other).all(x, true)", { one: listOf(item, 10), other: listOf(item, 10) }, 64],
  ["'abcdefg'.contains(one + other)", { one: text(12), other: text(8) }, 6],
  ["[1, 2, 3, 4, 5].sum()", {}, 15],
  ["[1, 2, 3, 4, 5].indexOf(3)", {}, 15],
  ["'01234567890123456789012345678901234567890123456789'.indexOf('123')", {}, 5],
  ["url('https:://kubernetes.io/').getScheme()", {}, 4],
  ["ip('2001:db8:3333:4444:5555:6666:7777:8888').family()", {}, 5],
  ["ip('192.168.0.1') == ip('192.168.0.1')", {}, 5],
  ["cidr('192.168.0.0/16').containsCIDR(cidr('192.0.0.0/30'))", {}, 11],
  ["cidr('192.168.0.0/16').containsIP('192.0.0.1')", {}, 7],
];

test("the estimate of an expression is Kubernetes'", () => {
  for (const [expression, schemas, max] of estimates) {
    const variables = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, typeOf(schema)]));
    assert.equal(compile(expression, new Environment({ variables })).maxCost, max, expression);
  }
});

const list = Array.from({ length: 3 }, (_, number) => ({ number }));

const actuals: readonly (readonly [expression: string, bindings: Record<string, unknown>, cost: number])[] = [
  ["input['ke' + 'y']", { input: { key: "v" } }, 3],
  ["input[3 - 3]", { input: ["v"] }, 3],
  ["has(input.test.nested)", { input: { test: { nested: "0" } } }, 2],
  ["input.all(x, true)", { input: [] }, 2],
  ["input.all(x, true)", { input: list }, 11],
  ["[1, 2, 3].all(x, true)", {}, 20],
  ["input.matches('[0-9]')", { input: "x".repeat(500) }, 103],
  ["a || b || c || d", { a: false, b: false, c: false, d: false }, 4],
  ["a && b && c && d", { a: true, b: true, c: true, d: true }, 4],
  ["2 in [1, 2, 3]", {}, 13],
  ["'12345678901234567890' == '123456789012345678901234567890'", {}, 2],
  ["bytes(input)", { input: "x".repeat(500) }, 51],
  ["input.contains(part)", { input: "x".repeat(500), part: "y".repeat(500) }, 2502],
  ["input.startsWith(part)", { input: "idc", part: "x".repeat(500) }, 3],
  ["false ? false : 1 > 3", {}, 1],
  ["input.all(k, input[k].number > 3)", { input: { key: { number: 0 } } }, 9],
  ["'abcdefg'.contains(one + other)", { one: "val1", other: "val2222222" }, 6],
  ["(1 > 2 || 2 > 1) == true", {}, 3],
  ["[{'k1': 1}, {'k2': 2}].all(x, true)", {}, 77],
];

test("what an evaluation costs is Kubernetes'", () => {
  for (const [expression, bindings, cost] of actuals) {
    const variables = Object.fromEntries(Object.keys(bindings).map((name) => [name, dynType]));
    assert.equal(compile(expression, new Environment({ variables })).evaluate(bindings).cost, cost, expression);
  }
});

test("the largest object that a request can carry bounds what has no bound of its own", () => {
  const self = typeOf({ type: "object", properties: { names: { type: "array", items: { type: "string" } } } });
  const environment = new Environment({ variables: { self } });
  // So many empty texts of two bytes and a comma fit into three mebibytes.
  assert.equal(compile("self.names.all(name, name == '')", environment).maxCost, 1_048_575 * 4 + 3);
  assert.ok(compile("self.names.all(a, self.names.all(b, a != b))", environment).maxCost > 10_000_000);
});

test("an evaluation stops where its limit is", () => {
  const program = compile("'abcdefg'.contains(a + b)", new Environment({ variables: { a: dynType, b: dynType } }));
  const bindings = { a: "val1", b: "val2222222" };
  assert.ok("value" in program.evaluate(bindings, 6));
  const stopped = program.evaluate(bindings, 5);
  assert.ok("error" in stopped);
  assert.equal(stopped.error.message, "operation cancelled: actual cost limit exceeded");
});

test("no alternative absorbs the end by cost", () => {
  const program = compile("[1, 2, 3].all(x, x > 0) || true", new Environment({ variables: {} }));
  assert.ok("error" in program.evaluate({}, 12));
});
