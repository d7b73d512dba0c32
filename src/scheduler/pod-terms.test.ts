import assert from "node:assert/strict";
import { test } from "node:test";
import { makePod } from "./objects-for-tests.ts";
import { PodShapes } from "./pod-shape.ts";
import { namespacesMax, podTermsOf } from "./pod-terms.ts";

test("terms are remembered for a bounded number of namespaces", () => {
  const shape = new PodShapes().of(makePod());
  const first = podTermsOf(shape, "first");
  for (let i = 1; i < namespacesMax; i++) podTermsOf(shape, `namespace-${i}`);
  assert.equal(podTermsOf(shape, "first"), first);
  podTermsOf(shape, "one-more");
  assert.notEqual(podTermsOf(shape, "first"), first);
});
