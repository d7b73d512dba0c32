// Whatever an expression says, and whatever the values are: it is refused, fails or gives a value, and never throws.
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../lib/index.ts";
import { CompileError, compile, dynType, Environment, schemaType } from "./index.ts";

const self = schemaType(
  {
    type: "object",
    properties: {
      text: { type: "string" },
      number: { type: "integer" },
      time: { type: "string", format: "date-time" },
      list: { type: "array", items: { type: "integer" }, "x-kubernetes-list-type": "set" },
      map: { type: "object", additionalProperties: { type: "string" } },
      port: { "x-kubernetes-int-or-string": true },
    },
  },
  "self",
);
assert.ok(self);
const environment = new Environment({ variables: { self, any: dynType }, makesPatches: true });

const atoms = [
  ...["self", "any", "self.text", "self.number", "self.time", "self.list", "self.map", "self.port", "any.inner", "x"],
  ...[
    "1",
    "2u",
    "1.5",
    "-9223372036854775808",
    "'a'",
    "'😀é'",
    "b'\\xff'",
    "null",
    "true",
    "[]",
    "{}",
    "[1, 2]",
    "{'a': 1}",
  ],
  ...[
    "duration('1h')",
    "timestamp('2024-02-29T12:00:00Z')",
    "quantity('1k')",
    "ip('::1')",
    "cidr('10.0.0.0/8')",
    "int",
  ],
  ...[
    "url('/a?b=c')",
    "semver('1.2.3')",
    "format.uuid()",
    "optional.of(1)",
    "optional.none()",
    "Object{a: 1}",
    "dyn(1)",
  ],
];
const binary = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"];
const names = [...environment.declarations.functions.keys()].filter((name) => /^[a-zA-Z.]+$/.test(name));
const methods = [...new Set(names.filter((name) => !name.includes(".")))];
const macros = ["all", "exists", "exists_one", "map", "filter", "transformList", "transformMap", "optMap"];
const values = [
  ...[
    null,
    true,
    0,
    -1.5,
    1e300,
    "",
    "a",
    "2024-01-01T00:00:00Z",
    [],
    {},
    [[1], { a: null }],
    { inner: { inner: [1, "b"] } },
  ],
  { text: "a", number: 1, time: "2024-01-01T00:00:00Z", list: [1, 2], map: { a: "b" }, port: "http" },
  { text: null, number: "x", time: "never", list: "no list", map: [1], port: null },
];

test("no expression and no value makes an evaluation throw", () => {
  const random = seededRandom(7);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)] as T; // none is empty
  const expression = (depth: number): string => {
    // What is dyn shows its type only when it runs.
    const inner = () => (random.next() < 0.6 ? `dyn(${expression(depth - 1)})` : expression(depth - 1));
    const args = () => Array.from({ length: Math.floor(random.next() * 3) }, inner).join(", ");
    if (depth === 0) return pick(atoms);
    switch (Math.floor(random.next() * 9)) {
      case 0:
      case 1:
        return `(${inner()} ${pick(binary)} ${inner()})`;
      case 2:
        return `${inner()}.${pick(methods)}(${args()})`;
      case 3:
        return `${pick(names)}(${args()})`;
      case 4:
        return `${inner()}.${pick(macros)}(x, ${random.next() < 0.3 ? "y, " : ""}${inner()})`;
      case 5:
        return `${inner()}${pick(["[", "[?"])}${inner()}]`;
      case 6:
        return `(${inner()} ? ${inner()} : ${inner()})`;
      case 7:
        return `${pick(["!", "-", "has", "dyn"])}(${inner()}${pick(["", ".inner", ".?text"])})`;
      default:
        return pick([`[${inner()}, dyn(${inner()})]`, `{'k': ${inner()}}`, `Object{a: ${inner()}}`, inner()]);
    }
  };
  const broken = (text: string): string => {
    const at = Math.floor(random.next() * text.length);
    return (
      text.slice(0, at) + pick(["", "?", "\\", "'", "`", "😀", "\n", "))", "0x", "//", "{", "."]) + text.slice(at + 1)
    );
  };
  let evaluated = 0;
  for (let count = 0; count < 20_000; count++) {
    const whole = expression(1 + Math.floor(random.next() * 3));
    const text = count % 4 === 0 ? broken(whole) : whole;
    try {
      const program = compile(text, environment);
      assert.ok(program.maxCost >= 0, text);
      for (let each = 0; each < 4; each++) program.evaluate({ self: pick(values), any: pick(values) }, 10_000);
      evaluated++;
    } catch (error) {
      if (!(error instanceof CompileError)) throw new Error(`in ${text}`, { cause: error });
    }
  }
  assert.ok(evaluated > 3000, `${evaluated} expressions compile`);
});
