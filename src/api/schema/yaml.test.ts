import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuMs } from "../../../test/cpu-time.ts";
import { decodeYaml } from "./yaml.ts";

test("YAML is read as Kubernetes' tools read it", () => {
  for (const [text, value] of [
    ["a: 0644", { a: 420 }],
    ["a: yes\nb: off", { a: true, b: false }],
    ["a: 22:22\nb: 2026-01-02", { a: "22:22", b: "2026-01-02" }],
    ["a: 1e3\nb: 0x1f\nc: 1.5", { a: 1000, b: 31, c: 1.5 }],
    ["a: ~\nb:\nc: null", { a: null, b: null, c: null }],
    ["1: a\ntrue: b", { "1": "a", true: "b" }],
    ["a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3", { a: { b: 1, c: 2 }, d: { b: 1, c: 3 } }],
    ['{"a": [1, {"b": "c"}]}', { a: [1, { b: "c" }] }],
    ["", null],
    ["a: |\n  x\n  y\n", { a: "x\ny\n" }],
  ] as const)
    assert.deepEqual(decodeYaml(text).value, value, text);
});

test("keys that stand twice are named; the last one counts", () => {
  const { value, duplicates } = decodeYaml('foo: 1\nb: { c: 1, "c": 2 }\nfoo : 3');
  assert.deepEqual(value, { foo: 3, b: { c: 2 } });
  assert.deepEqual(duplicates, [
    'yaml: unmarshal errors:\n  line 2: key "c" already set in map\n  line 3: key "foo" already set in map',
  ]);
});

test("what is no YAML, or no JSON, is a 400", () => {
  for (const text of ["a: [", "a: b: c", "\ta: 1", "a: *missing", "a: .inf", "a: .nan"])
    assert.throws(() => decodeYaml(text), { code: 400 }, text);
});

test("aliases cannot multiply without bound", () => {
  const levels = ["a: &a [x,x,x,x,x,x,x,x,x,x]"];
  for (const [index, letter] of [..."bcdefgh"].entries()) {
    const before = "abcdefgh"[index];
    levels.push(`${letter}: &${letter} [${Array(10).fill(`*${before}`).join(",")}]`);
  }
  assert.throws(() => decodeYaml(levels.join("\n")), { code: 400 });
});

test("nesting has a limit", () => {
  assert.throws(() => decodeYaml(`${"[".repeat(600)}${"]".repeat(600)}`), { code: 400 });
});

test("what nests without end is refused before it is parsed", () => {
  const nested = (levels: number) => `a: ${"[".repeat(levels)}${"]".repeat(levels)}`;
  const why = "error converting YAML to JSON: yaml: exceeded max depth of 10000";
  assert.throws(() => decodeYaml(nested(10_001)), { code: 400, message: why });
  // Parsing this takes many seconds.
  assert.throws(() => decodeYaml(nested(1_500_000)), { code: 400, message: why });
  // In a text brackets nest nothing.
  const text = "[".repeat(20_000);
  assert.deepEqual(decodeYaml(`a: "${text}"`).value, { a: text });
  assert.deepEqual(decodeYaml(`a: |\n  ${text}\n`).value, { a: `${text}\n` });
});

test("a large map is read in the time of its size", () => {
  // Looking through all keys for each would take minutes.
  const text = Array.from({ length: 50_000 }, (_, index) => `k${index}: ${index}\n`).join("");
  const { value, duplicates } = decodeYaml(text);
  assert.equal(Object.keys(value as object).length, 50_000);
  assert.deepEqual(duplicates, []);
});

test("a body of tags or of aliases is refused as soon as it is read", async () => {
  const aliases = Array.from({ length: 20_000 }, (_, index) => `- &a${index} 1\n- *a${index}\n`).join("");
  for (const [text, why] of [
    [`a: ${"!!str ".repeat(40_000)}`, /A node can have at most one tag at line 1, column 10:$/],
    [aliases, /document contains excessive aliasing$/],
  ] as const)
    assert.ok((await cpuMs(() => assert.throws(() => decodeYaml(text), { code: 400, message: why }))) < 5_000);
});
