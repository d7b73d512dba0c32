import assert from "node:assert/strict";
import { test } from "node:test";
import { rootPath } from "./field-error.ts";
import {
  addQuantities,
  binaryQuantity,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  isQuantity,
  milliQuantity,
  quantityMilliValue,
  quantityValue,
  subtractQuantities,
  validateNonnegativeQuantity,
  validatePositiveQuantity,
} from "./quantity.ts";

test("quantities are written as Kubernetes writes them", () => {
  for (const [text, canonical] of [
    ["0", "0"],
    ["0Gi", "0"],
    ["1", "1"],
    ["0.5", "500m"],
    ["1.5", "1500m"],
    [".5", "500m"],
    ["1.", "1."],
    ["1000", "1k"],
    ["1000m", "1"],
    ["100m", "100m"],
    ["1000000", "1M"],
    ["1.5Gi", "1536Mi"],
    ["1024Ki", "1Mi"],
    ["1024Mi", "1Gi"],
    ["1Ki", "1Ki"],
    ["8Ki", "8Ki"],
    ["0.5Ki", "512"],
    ["0.001Ki", "1024m"],
    ["1e3", "1e3"],
    ["10e3", "10e3"],
    ["1e4", "10e3"],
    ["1E", "1E"],
    ["1E3", "1E3"],
    ["12e-3", "12e-3"],
    ["0.1n", "1n"],
    ["1.23456789012n", "2n"],
    ["-1.5", "-1500m"],
    ["-0.5n", "-1n"],
    ["9223372036854775808Ki", "9223372036854775807"],
    ["100000000000000000000", "100E"],
    ["123456789012345678901234567890", "123456789012345678901234567890"],
  ] as const)
    assert.equal(canonicalQuantity(text), canonical, text);
});

test("what is no quantity is refused with the words of Kubernetes", () => {
  const format = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  for (const text of ["", "abc", "1x", "1 Gi", "1.2.3", "{}", " 1"]) assert.deepEqual(isQuantity(text), [format], text);
  for (const text of ["1Kii", "1mi", "1e", "1e-", "1-5"])
    assert.deepEqual(isQuantity(text), ["unable to parse quantity's suffix"], text);
});

test("a text of any length is refused quickly", () => {
  assert.equal(isQuantity(`${"0".repeat(1_000_000)}x`).length, 1);
  assert.equal(isQuantity("1e999999999").length, 1);
});

test("quantities compare by value, exactly", () => {
  assert.equal(compareQuantities("1", "1000m"), 0);
  assert.equal(compareQuantities("1Gi", "1G"), 1);
  assert.equal(compareQuantities("9007199254740993", "9007199254740992"), 1);
  assert.equal(compareQuantities("-1", "1n"), -1);
});

test("sums and differences keep the suffixes of the first", () => {
  assert.equal(formatQuantity(addQuantities("1Gi", "512Mi")), "1536Mi");
  assert.equal(formatQuantity(addQuantities("0", "1Ki")), "1Ki");
  assert.equal(formatQuantity(addQuantities("100m", "0.9")), "1");
  assert.equal(formatQuantity(subtractQuantities("1", "250m")), "750m");
  assert.equal(formatQuantity(subtractQuantities("1Gi", "1Gi")), "0");
});

test("values round away from zero", () => {
  assert.equal(quantityValue("100m"), 1);
  assert.equal(quantityValue("-100m"), -1);
  assert.equal(quantityValue("1Gi"), 2 ** 30);
  assert.equal(quantityMilliValue("1.0005"), 1001);
  assert.equal(quantityMilliValue("2"), 2000);
});

test("numbers become quantities", () => {
  assert.equal(binaryQuantity(3 * 2 ** 30), "3Gi");
  assert.equal(binaryQuantity(1000), "1k");
  assert.equal(milliQuantity(1500), "1500m");
  assert.equal(milliQuantity(2000), "2");
});

test("signs are validated", () => {
  assert.equal(validateNonnegativeQuantity(rootPath, "-1")[0]?.detail, "must be greater than or equal to 0");
  assert.deepEqual(validateNonnegativeQuantity(rootPath, "0"), []);
  assert.equal(validatePositiveQuantity(rootPath, "0")[0]?.detail, "must be greater than zero");
  assert.match(validatePositiveQuantity(rootPath, "x")[0]?.detail ?? "", /^quantities must match/);
});
