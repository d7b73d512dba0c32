import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuMs } from "../../test/cpu-time.ts";
import {
  boolType,
  CompileError,
  compile,
  dynType,
  Environment,
  evaluateMessage,
  intType,
  lazyObject,
  objectType,
  optionalType,
  schemaType,
  stringType,
  toJson,
} from "./index.ts";

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

test("what is null or no collection has no keys", () => {
  for (const value of ["null", "1", "'text'"]) {
    assert.equal(evaluate(`dyn(${value}).metadata.name`, {}), "error: no such key: metadata");
    assert.equal(evaluate(`dyn(${value})[0]`, {}), "error: no such key: 0");
    assert.equal(evaluate(`has(dyn(${value}).metadata)`, {}), false);
  }
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

const anything = new Environment({ variables: { value: dynType, list: dynType } });
const numbers = Array.from({ length: 100_000 }, (_, index) => index);

test("what grows without cost is bounded or costs", () => {
  const doubled = `[[0]]${".map(a, a + a)".repeat(60)}[0]`;
  for (const expression of [
    `${doubled}.isSorted()`,
    `${doubled}.all(x, x == 0)`,
    "value.replace('', value).replace('', value).size() > 0",
    "list.map(x, value).join(value) != ''",
    "'%s%s%s%s%s%s%s%s'.format([value, value, value, value, value, value, value, value]).size() > 0",
    "list.all(x, value.charAt(5) != '')",
    "list.all(x, [list] == [list])",
  ]) {
    const value = "😀".repeat(1_200_000);
    assert.ok("error" in compile(expression, anything).evaluate({ value, list: numbers }), expression);
  }
});

test("what upstream takes next to nothing for is bounded by how much is gone through", async () => {
  const thrice = (condition: string) => `list.all(i, list.all(j, list.all(k, ${condition})))`;
  const list = Array.from({ length: 30 }, (_, index) => index);
  const value = { digits: "9".repeat(200_000), texts: Array.from({ length: 20_000 }, (_, index) => `x${index}`) };
  for (const condition of [
    "value.texts.indexOf('y') == -1",
    "value.texts.min() != ''",
    "'%s'.format([value.texts]) != ''",
    "value.texts.unwrapOpt().size() == 0",
    "int(value.digits) == 1 || true",
    "uint(value.digits) == 1u || true",
    "duration(value.digits + 's') == duration('1s') || true",
    "isURL(value.digits) || true",
  ]) {
    const program = compile(thrice(condition), anything);
    let result: ReturnType<typeof program.evaluate> | undefined;
    const ms = await cpuMs(() => {
      result = program.evaluate({ value, list });
    });
    assert.ok(result && "error" in result, condition);
    assert.ok(ms < 4000, `${condition}: ${ms} ms`);
  }
});

test("functions of texts take no more time than what they may go through", async () => {
  const a = "a".repeat(400_000);
  const half = "a".repeat(50_000);
  const value = { text: `a${" ".repeat(400_000)}b`, a, late: `${half}${half}b`, middle: `${half}b${half}` };
  const list = Array.from({ length: 1000 }, (_, index) => index);
  for (const condition of [
    "value.text.trim() == value.text",
    "value.a.lastIndexOf(value.late) == -1",
    "value.a.indexOf(value.middle) == -1",
    "value.a.replace(value.middle, '') == value.a",
    "value.a.split(value.middle) == [value.a]",
    "list.all(i, '%x'.format([value.a]) != '')",
    "[url('/' + value.a)].all(url, list.all(i, url.getEscapedPath() != ''))",
    "[url('/?' + value.a)].all(url, list.all(i, url.getQuery() != {}))",
  ]) {
    const program = compile(condition, anything);
    let result: ReturnType<typeof program.evaluate> | undefined;
    const ms = await cpuMs(() => {
      result = program.evaluate({ value, list });
    });
    assert.ok(result && ("error" in result ? /cost limit/.test(result.error.message) : result.value), condition);
    assert.ok(ms < 2500, `${condition}: ${ms} ms`);
  }
});

test("numbers of many digits are read as they are", () => {
  assert.equal(evaluate(`int("${"0".repeat(50)}7") + int("-${"0".repeat(50)}2")`, {}), 5);
  assert.match(String(evaluate(`int("${"9".repeat(50)}")`, {})), /value out of range/);
  assert.match(String(evaluate(`uint("${"9".repeat(50)}")`, {})), /value out of range/);
  assert.equal(evaluate(`duration("${"0".repeat(30)}1.5${"0".repeat(50)}s") == duration("1500ms")`, {}), true);
  assert.match(String(evaluate(`duration("${"9".repeat(50)}" + "s")`, {})), /invalid duration/);
});

test("asking for the size of something large again and again takes no time", () => {
  const value = Object.fromEntries(numbers.map((number) => [`key-${number}`, number]));
  const program = compile("list.all(x, value.inner.size() == 100000)", anything);
  const result = program.evaluate({ value: { inner: value }, list: numbers });
  assert.ok("value" in result && result.value === true);
});

test("values nested deeper than the stack fail the expression, not the server", () => {
  let value: unknown = {};
  for (let depth = 0; depth < 50_000; depth++) value = { inner: value };
  const result = compile("value == list", anything).evaluate({ value, list: structuredClone({ inner: {} }) });
  assert.ok("value" in result);
  const same = compile("value == value", anything).evaluate({ value });
  assert.ok("error" in same);
});

test("expressions nest as deep as upstream's and no deeper", () => {
  assert.ok(compile(`true${" && true".repeat(5000)}`, anything));
  for (const expression of [
    `1${" + 1".repeat(300)}`,
    `value${".a".repeat(300)}`,
    `${"(".repeat(300)}1${")".repeat(300)}`,
  ])
    assert.throws(() => compile(expression, anything), /expression recursion limit exceeded: 250/);
});

test("types that double with every name are refused, and do not take time with the power of two", () => {
  const nested = (count: number) => {
    let text = "true";
    for (let index = count; index > 0; index--) text = `[{x${index - 1}: x${index - 1}}].all(x${index}, ${text})`;
    return `[1].all(x0, ${text})`;
  };
  assert.doesNotThrow(() => compile(nested(3), environment));
  assert.throws(() => compile(nested(22), environment), {
    name: "CompileError",
    message: /^ERROR: <input>:1:1: the types of the expression are too large\n/,
  });
});

test("many empty lists take time with their number", async () => {
  const compileLists = (count: number) => compile(`[${"[],".repeat(count)}[]]`, environment);
  compileLists(1000);
  const few = await cpuMs(() => compileLists(4000));
  const many = await cpuMs(() => compileLists(16_000));
  assert.ok(many < 10 * few, `${few} ms, ${many} ms`);
});

test("no more than a hundred errors are told, and no line that is too long", () => {
  const lines = messageOf(`[${"a,".repeat(120)}1]`).split("\n");
  assert.equal(lines.length, 301);
  assert.equal(lines.at(-1), "20 more errors were truncated");
  assert.equal(
    messageOf(`a == "${"é".repeat(10_000)}"`),
    "ERROR: <input>:1:1: undeclared reference to 'a' (in container '')",
  );
});

test("bytes are as long as an expression can be", () => {
  assert.equal(evaluate(`b"\\x00${"😀".repeat(60_000)}".size()`, {}), 240_001);
});

test("a chain of macros compiles in time with its length, and is stopped when it runs", () => {
  const program = compile(`optional.of(1)${".optMap(x, x + 1)".repeat(200)}.hasValue()`, anything);
  assert.ok(program.maxCost > 1_000_000);
  assert.ok("error" in program.evaluate({}));
});

test("sets and maps by key compare without order, and adding merges them", () => {
  const set = { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } };
  const byName = {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    items: { type: "object", properties: { name: { type: "string" }, size: { type: "integer" } } },
  };
  const type = schemaType({ type: "object", properties: { set, byName } }, "self");
  assert.ok(type);
  const lists = new Environment({ variables: { self: type, oldSelf: type } });
  const [x, y] = [
    { name: "x", size: 1 },
    { name: "y", size: 2 },
  ];
  const bindings = { self: { set: ["x", "y"], byName: [x, y] }, oldSelf: { set: ["y", "x"], byName: [y, x] } };
  const check = (expression: string) => {
    const result = compile(expression, lists).evaluate(bindings);
    return "error" in result ? result.error.message : result.value;
  };
  assert.equal(check("self.set == oldSelf.set && (self.set + oldSelf.set).size() == 2"), true);
  assert.equal(check("self.byName == oldSelf.byName && (self.byName + oldSelf.byName)[0].name == 'x'"), true);
  assert.equal(check("self.byName.map(each, each.name) == oldSelf.byName.map(each, each.name)"), false);
});

test("fields that a schema keeps without describing them make objects different", () => {
  const type = schemaType({ type: "object", properties: { name: { type: "string" } } }, "self");
  assert.ok(type);
  const program = compile("self == oldSelf", new Environment({ variables: { self: type, oldSelf: type } }));
  const judge = (oldSelf: unknown) => {
    const result = program.evaluate({ self: { name: "a", more: { b: [1] } }, oldSelf });
    return "value" in result && result.value;
  };
  assert.equal(judge({ more: { b: [1] }, name: "a" }), true);
  assert.equal(judge({ name: "a", more: { b: [2] } }), false);
});

test("a rule may take oldSelf as optional", () => {
  const optional = new Environment({ variables: { self, oldSelf: optionalType(self) } });
  const program = compile("!oldSelf.hasValue() || oldSelf.value().minReplicas <= self.minReplicas", optional);
  const judge = (oldSelf: unknown) => {
    const result = program.evaluate({ self: { minReplicas: 2 }, oldSelf });
    return "value" in result && result.value;
  };
  assert.equal(judge(undefined), true);
  assert.equal(judge({ minReplicas: 1 }), true);
  assert.equal(judge({ minReplicas: 3 }), false);
});

test("a message that cannot be shown is none", () => {
  const messageOfRule = (expression: string) =>
    evaluateMessage(compile(expression, environment), { self: { minReplicas: 3 } }).message;
  assert.equal(messageOfRule("' at most ' + string(self.minReplicas)"), "at most 3");
  for (const expression of ["' '", "'a\\nb'", "self.names[7]", `'${"x".repeat(6000)}'`])
    assert.equal(messageOfRule(expression), undefined);
});

test("variables are computed when an expression looks at them, once", () => {
  let computed = 0;
  const type = objectType("variables", { ready: boolType, broken: dynType });
  const variables = lazyObject(type, {
    ready: () => {
      computed++;
      return true;
    },
    broken: () => assert.fail("nobody looks at it"),
  });
  const program = compile("variables.ready && variables.ready", new Environment({ variables: { variables: type } }));
  const result = program.evaluate({ variables });
  assert.ok("value" in result && result.value === true);
  assert.equal(computed, 1);
});
