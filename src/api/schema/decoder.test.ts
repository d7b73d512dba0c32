import assert from "node:assert/strict";
import { test } from "node:test";
import type { Draft } from "../../lib/index.ts";
import { Pods } from "../core/index.ts";
import type { Pod } from "../types.generated.ts";
import { decodeObject } from "./decode-object.ts";

const afterwards = (terminationGracePeriodSeconds: unknown): unknown => {
  const { object } = decodeObject(Pods, { spec: { terminationGracePeriodSeconds } }, "Strict");
  return (object as Draft<Pod>).spec.terminationGracePeriodSeconds;
};

test("every integer of 64 bits is kept exactly", () => {
  for (const value of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n]) assert.equal(afterwards(value), value);
  assert.equal(afterwards(2 ** 53 - 1), 2 ** 53 - 1);
  assert.equal(afterwards(2 ** 60), 2n ** 60n);
});

test("a larger integer is refused", () => {
  for (const value of [2n ** 63n, -(2n ** 63n) - 1n, 2 ** 63, 1e20])
    assert.throws(() => afterwards(value), {
      code: 400,
      message:
        /json: cannot unmarshal number -?\d+ into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64/,
    });
});
