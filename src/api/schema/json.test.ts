import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeJson, unreadableAs } from "./json.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test("JSON is read, and fields that stand twice are named with their place", () => {
  for (const [text, duplicates] of [
    ['{"a":1,"b":{"a":1}}', []],
    ['{"a":1,"a":2}', ["a"]],
    ['{"spec":{"c":[{"n":1},{"n":1,"n":2,"n":3}]}}', ["spec.c[1].n"]],
    ['{"a":"x\\":{","b":"\\\\"}', []],
    ['{"a":{"b":1},"a":{"c":1}}', ["a"]],
    ['{"__proto__":1,"__proto__":2}', ["__proto__"]],
    ['{"a\\u0062":1,"ab":2}', ["ab"]],
    ["[]", []],
  ] as const) {
    const decoded = decodeJson(bytes(text));
    assert.deepEqual(decoded.value, JSON.parse(text), text);
    assert.deepEqual(
      decoded.duplicates,
      duplicates.map((field) => `duplicate field "${field}"`),
      text,
    );
  }
});

test("what is no JSON is refused in the words of Kubernetes", () => {
  for (const [text, why] of [
    ["", "unexpected end of JSON input"],
    ["{", "unexpected end of JSON input"],
    ['{"a', "unexpected end of JSON input"],
    ["{a:1}", "invalid character 'a' looking for beginning of object key string"],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ["[1 2]", "invalid character '2' after array element"],
    ["[1,]", "invalid character ']' looking for beginning of value"],
    ["\x1f", "invalid character '\\x1f' looking for beginning of value"],
    ["{}x", "invalid character 'x' after top-level value"],
    ["kind: Pod", "invalid character 'k' looking for beginning of value"],
    ["nul", "unexpected end of JSON input"],
    ["nulL", "invalid character 'L' in literal null (expecting 'l')"],
    ["-x", "invalid character 'x' in numeric literal"],
    ["1.x", "invalid character 'x' after decimal point in numeric literal"],
    ["1ex", "invalid character 'x' in exponent of numeric literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['"\\u12x4"', "invalid character 'x' in \\u hexadecimal character escape"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
  ] as const)
    assert.throws(
      () => decodeJson(bytes(text)),
      { code: 400, message: `couldn't get version/kind; json parse error: ${why}` },
      text,
    );
});

test("the kind that is expected and the head of the body stand in the message", () => {
  assert.throws(() => decodeJson(bytes('{"a'), unreadableAs("Pod")), {
    message:
      "the object provided is unrecognized (must be of type Pod): couldn't get version/kind; json parse error: unexpected end of JSON input ({\"a)",
  });
  assert.throws(() => decodeJson(bytes("x"), unreadableAs("Pod")), /\(78\)$/);
  assert.throws(() => decodeJson(bytes(""), unreadableAs("Pod")), /\(<empty>\)$/);
  assert.throws(() => decodeJson(bytes(`{${" ".repeat(40)}`), unreadableAs("Pod")), /\(\{ {29} \.\.\.\)$/);
});

test("nesting has a limit, wherever it stands", () => {
  assert.throws(() => decodeJson(bytes("[".repeat(100_000))), /exceeded max depth/);
  assert.throws(() => decodeJson(bytes(`${"[".repeat(501)}${"]".repeat(501)}`)), /exceeded max depth/);
  decodeJson(bytes(`${"[".repeat(500)}${"]".repeat(500)}`));
});
