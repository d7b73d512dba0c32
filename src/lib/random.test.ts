import assert from "node:assert/strict";
import { test } from "node:test";
import { nameSuffix, seededRandom, systemRandom, uuid } from "./random.ts";

test("the machine's source never gives the same bytes twice", () => {
  const seen = new Set(Array.from({ length: 10_000 }, () => uuid(systemRandom)));
  assert.equal(seen.size, 10_000);
  assert.equal(systemRandom.bytes(5_000).length, 5_000);
});

test("numbers of the machine's source lie in [0, 1) and spread over it", () => {
  const numbers = Array.from({ length: 1_000 }, () => systemRandom.next());
  assert.ok(numbers.every((each) => each >= 0 && each < 1));
  assert.ok(numbers.some((each) => each < 0.1) && numbers.some((each) => each > 0.9));
});

test("the same seed gives the same history, another seed another", () => {
  const names = (seed: number) => {
    const random = seededRandom(seed);
    return [uuid(random), nameSuffix(random), nameSuffix(random)];
  };
  assert.deepEqual(names(7), names(7));
  assert.notDeepEqual(names(7), names(8));
});

test("a uuid is of version 4 and a name suffix of Kubernetes' alphabet", () => {
  assert.match(uuid(systemRandom), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.match(nameSuffix(systemRandom), /^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
});
