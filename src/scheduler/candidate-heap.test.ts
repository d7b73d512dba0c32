import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../lib/index.ts";
import { CandidateHeap } from "./candidate-heap.ts";

test("the best is the one with the highest score, whatever was set and deleted before", () => {
  const random = seededRandom(5);
  const heap = new CandidateHeap(10);
  const expected = new Map<number, number>();
  for (let step = 0; step < 5_000; step++) {
    // Some nodes come later than the heap was made for.
    const node = Math.floor(random.next() * 15);
    if (random.next() < 0.3) {
      heap.delete(node);
      expected.delete(node);
    } else {
      const score = random.next();
      heap.set(node, score);
      expected.set(node, score);
    }
    const [best] = [...expected].sort(([, a], [, b]) => b - a)[0] ?? [];
    assert.equal(heap.best, best);
    assert.equal(heap.size, expected.size);
  }
});

test("all feasible nodes come in order, from the best on", () => {
  const random = seededRandom(5);
  const heap = new CandidateHeap(50);
  const scores = new Map<number, number>();
  for (let node = 0; node < 50; node++) {
    const score = random.next();
    heap.set(node, score);
    scores.set(node, score);
  }
  for (const node of [3, 17, 44]) {
    heap.delete(node);
    scores.delete(node);
  }
  assert.deepEqual(
    [...heap.inOrder()],
    [...scores].sort(([, a], [, b]) => b - a).map(([node]) => node),
  );
});
