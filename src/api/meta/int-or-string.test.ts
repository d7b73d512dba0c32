import assert from "node:assert/strict";
import { test } from "node:test";
import { rootPath } from "./field-error.ts";
import { scaledIntOrPercent, validateNonnegativeIntOrPercent, validateNotOver100Percent } from "./int-or-string.ts";

test("percentages are parts of the total, rounded as asked", () => {
  assert.equal(scaledIntOrPercent(3, 10, "up"), 3);
  assert.equal(scaledIntOrPercent("25%", 10, "up"), 3);
  assert.equal(scaledIntOrPercent("25%", 10, "down"), 2);
  assert.equal(scaledIntOrPercent("100%", 7, "down"), 7);
  assert.throws(() => scaledIntOrPercent("3", 10, "up"), /invalid type: string is not a percentage/);
  assert.throws(() => scaledIntOrPercent("x%", 10, "up"), /invalid value "x%"/);
});

test("negative counts and bad percentages are refused", () => {
  assert.deepEqual(validateNonnegativeIntOrPercent(rootPath, undefined), []);
  assert.equal(validateNonnegativeIntOrPercent(rootPath, -1)[0]?.detail, "must be greater than or equal to 0");
  assert.match(validateNonnegativeIntOrPercent(rootPath, "x")[0]?.detail ?? "", /^a valid percent string/);
  assert.equal(validateNotOver100Percent(rootPath, "101%")[0]?.detail, "must not be greater than 100%");
  assert.deepEqual(validateNotOver100Percent(rootPath, "100%"), []);
});
