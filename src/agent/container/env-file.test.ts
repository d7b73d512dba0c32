import assert from "node:assert/strict";
import { test } from "node:test";
import { envFileValue } from "./env-file.ts";

test("a variable of an env file is what stands between its quotes", () => {
  const text =
    "# made by setup\n\n  ONE='1'\nTWO='a b # $X \\n' # not more\n\tLINES='first\nsecond'\nEMPTY=''\nLAST='9'";
  for (const [name, value] of [
    ["ONE", "1"],
    ["TWO", "a b # $X \\n"],
    ["LINES", "first\nsecond"],
    ["EMPTY", ""],
    ["LAST", "9"],
    ["NONE", undefined],
  ] as const) {
    assert.equal(envFileValue(text, name), value, name);
  }
  assert.equal(envFileValue("", "ONE"), undefined);
  assert.equal(envFileValue("# nothing", "ONE"), undefined);
});

test("what is not of the form NAME='value' is refused", () => {
  for (const line of ["A=1", 'A="1"', "A = '1'", "A='1", "A='1''2'", "A='1' B='2'", "='1'", "A"]) {
    assert.throws(() => envFileValue(`OK='1'\n${line}\n`, "A"), /line 2 is not of the form NAME='value'/, line);
  }
});
