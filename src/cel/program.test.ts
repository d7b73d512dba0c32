import assert from "node:assert/strict";
import { test } from "node:test";
import { boolType, CompileError, compile, Environment, intType, schemaType, stringType, toJson } from "./index.ts";

const schema = {
  type: "object",
  required: ["minReplicas"],
  properties: {
    minReplicas: { type: "integer" },
    maxReplicas: { type: "integer" },
    names: { type: "array", items: { type: "string" } },
    "start-time": { type: "string", format: "date-time" },
    port: { "x-kubernetes-int-or-string": true },
    namespace: { type: "string" },
    weight: { type: "number" },
  },
};
const self = schemaType(schema, "self");
assert.ok(self);
const environment = new Environment({ variables: { self, oldSelf: self } });

function evaluate(expression: string, value: unknown): unknown {
  const result = compile(expression, environment).evaluate({ self: value });
  return "error" in result ? `error: ${result.error.message}` : toJson(result.value);
}

function messageOf(expression: string): string {
  try {
    compile(expression, environment);
    return "compiles";
  } catch (error) {
    assert.ok(error instanceof CompileError);
    return error.message;
  }
}

test("a rule compares the fields that its schema declares", () => {
  const value = { minReplicas: 1, maxReplicas: 3, names: ["a", "b"], "start-time": "2024-01-01T00:00:00Z" };
  assert.equal(evaluate("self.minReplicas <= self.maxReplicas", value), true);
  assert.equal(evaluate("self.names.all(name, name.size() == 1)", value), true);
  assert.equal(evaluate("self.start__dash__time > timestamp('2023-12-31T23:59:59.999999999Z')", value), true);
  assert.equal(evaluate("has(self.weight)", value), false);
  assert.equal(evaluate("self.weight", value), "error: no such key: weight");
});

test("a value that may be a number or a text is judged by its type when the rule runs", () => {
  const rule = "type(self.port) == int ? self.port < 1024 : self.port.startsWith('http')";
  assert.equal(evaluate(rule, { port: 80 }), true);
  assert.equal(evaluate(rule, { port: "https" }), true);
  assert.equal(evaluate("self.port < 1024", { port: "https" }), "error: no such overload");
});

test("a whole number is a double where the schema says number", () => {
  assert.equal(evaluate("self.weight / 2.0", { weight: 1 }), 0.5);
});

test("fields with names that are no identifiers are escaped", () => {
  assert.equal(evaluate("self.__namespace__ == 'a'", { namespace: "a" }), true);
});

test("an undeclared field is refused when the rule is compiled", () => {
  assert.equal(
    messageOf("self.replicas > 1"),
    "ERROR: <input>:1:5: undefined field 'replicas'\n | self.replicas > 1\n | ....^",
  );
});

test("types that no function takes are refused when the rule is compiled", () => {
  assert.equal(
    messageOf("self.minReplicas +\n'a'"),
    "ERROR: <input>:1:18: found no matching overload for '_+_' applied to '(int, string)'\n | self.minReplicas +\n | .................^",
  );
  assert.match(messageOf("other"), /undeclared reference to 'other' \(in container ''\)/);
  assert.match(messageOf("[1, 'a']"), /expected type 'int' but found 'string'/);
});

test("it shows what a program gives and which variables it uses", () => {
  const program = compile("self.minReplicas > oldSelf.minReplicas", environment);
  assert.ok(program.gives(boolType));
  assert.ok(program.uses("oldSelf"));
  assert.ok(!compile("self.minReplicas", environment).uses("oldSelf"));
  assert.ok(compile("self.minReplicas", environment).gives(intType));
  assert.ok(!compile("self.port", environment).gives(stringType));
});

test("an expression that would run for ever is ended by its cost", () => {
  const program = compile("self.names.all(a, self.names.all(b, self.names.all(c, a + b + c != '')))", environment);
  const result = program.evaluate({ self: { names: Array.from({ length: 1000 }, (_, index) => `name-${index}`) } });
  assert.ok("error" in result);
  assert.equal(result.error.message, "operation cancelled: actual cost limit exceeded");
  assert.ok(result.cost <= 1_000_100);
});

test("a pattern that would explode costs as much time as any other", () => {
  assert.equal(evaluate(`'${"a".repeat(5000)}!'.matches('^(a+)+$')`, {}), false);
});
