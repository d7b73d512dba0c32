import assert from "node:assert/strict";
import { test } from "node:test";
import { Pods } from "../core/index.ts";
import { decodeObject } from "./decode-object.ts";

const afterwards = (terminationGracePeriodSeconds: unknown): unknown => {
  const { object } = decodeObject(Pods, { spec: { terminationGracePeriodSeconds } }, "Strict");
  return JSON.parse(JSON.stringify(object)).spec.terminationGracePeriodSeconds;
};

test("the largest integers of a body are integers of 64 bits in the answer", () => {
  for (const text of ["9223372036854775807", "-9223372036854775808"]) {
    const shown = BigInt(`${afterwards(JSON.parse(text))}`);
    assert.equal(BigInt.asIntN(64, shown), shown, text);
  }
  assert.equal(afterwards(2 ** 53 - 1), 2 ** 53 - 1);
});

test("a larger integer is refused", () => {
  for (const value of [2 ** 63 + 2 ** 11, -(2 ** 63) - 2 ** 11, 1e20])
    assert.throws(() => afterwards(value), {
      code: 400,
      message:
        /json: cannot unmarshal number -?\d+ into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64/,
    });
});
