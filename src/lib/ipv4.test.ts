import assert from "node:assert/strict";
import { test } from "node:test";
import { addressAt, parseAddress, parseRange, rangeContains, rangesOverlap } from "./ipv4.ts";

test("an address is four bytes and nothing else", () => {
  assert.equal(parseAddress("10.43.0.10"), 0x0a2b000a);
  for (const text of ["", "10.43.0", "10.43.0.256", "10.43.0.1.2", "a.b.c.d", "::1"]) {
    assert.equal(parseAddress(text), undefined, text);
  }
});

test("a range has no bits below its prefix", () => {
  assert.deepEqual(parseRange("10.42.0.0/16"), { base: 0x0a2a0000, prefixLength: 16 });
  for (const text of ["10.42.0.1/16", "10.42.0.0/33", "10.42.0.0", "10.42.0.0/16/2"]) {
    assert.equal(parseRange(text), undefined, text);
  }
});

test("ranges that share an address overlap", () => {
  const range = (text: string) => parseRange(text)!;
  assert.ok(rangesOverlap(range("10.42.0.0/16"), range("10.42.7.0/24")));
  assert.ok(!rangesOverlap(range("10.42.0.0/16"), range("10.43.0.0/16")));
  assert.ok(rangeContains(range("10.43.0.0/16"), "10.43.0.10"));
  assert.ok(!rangeContains(range("10.43.0.0/16"), "10.44.0.0"));
  assert.equal(addressAt(range("10.43.0.0/16"), 10), "10.43.0.10");
});
