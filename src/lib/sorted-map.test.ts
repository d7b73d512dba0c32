import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "./random.ts";
import { SortedMap } from "./sorted-map.ts";

const key = (index: number) => `key-${index}`;

test("what a sorted map lists is what was set and not deleted, in the order of the keys", () => {
  const random = seededRandom(1);
  const map = new SortedMap<number>();
  const expected = new Map<string, number>();
  for (let change = 0; change < 20_000; change++) {
    const index = Math.floor(random.next() * 5_000);
    if (random.next() < 0.4) {
      map.delete(key(index));
      expected.delete(key(index));
    } else {
      map.set(key(index), change);
      expected.set(key(index), change);
    }
    if (change % 1_000 !== 0) continue;
    const sorted = [...expected].sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(
      map.list(),
      sorted.map(([, value]) => value),
    );
    assert.equal(map.size, sorted.length);
    for (const [from, to] of [
      ["key-2", "key-3"],
      ["key-25", "key-26"],
      ["a", "b"],
      ["a", "z"],
      ["x", "z"],
    ] as const) {
      assert.deepEqual(
        map.range(from, to),
        sorted.filter(([each]) => each >= from && each < to).map(([, value]) => value),
      );
    }
  }
  for (const each of [...expected.keys()]) map.delete(each);
  assert.equal(map.size, 0);
  assert.deepEqual(map.list(), []);
});

test("what a sorted map has listed never changes, and is the same array until the next change", () => {
  const map = new SortedMap<string>();
  for (let index = 0; index < 2_000; index++) map.set(key(index), "first");
  const listed = map.list();
  assert.equal(map.list(), listed);
  map.set(key(7), "second");
  map.delete(key(8));
  assert.equal(listed.length, 2_000);
  assert.ok(listed.every((value) => value === "first"));
  assert.equal(map.list().length, 1_999);
});
