import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../lib/index.ts";
import { collectWhenIdle } from "./idle-collection.ts";

const megabyte = 1024 * 1024;

/** A heap that the test fills; a collection leaves the first `inUse` megabytes. */
function scene() {
  const heap = { held: 100, inUse: 60, busy: 0, shed: 0, collections: 0 };
  const clock = new VirtualClock();
  const stop = collectWhenIdle(clock, () => heap.shed++, {
    heldBytes: () => heap.held * megabyte,
    busyShare: () => heap.busy,
    collect() {
      heap.collections++;
      heap.held = heap.inUse;
    },
  });
  return { heap, clock, stop };
}

test("a process that has come to rest gives back what its burst of work took, once", async () => {
  const { heap, clock } = scene();
  heap.busy = 0.6;
  await clock.advance(60_000);
  assert.equal(heap.collections, 0);
  heap.busy = 0.01;
  await clock.advance(60_000);
  assert.deepEqual([heap.shed, heap.collections, heap.held], [1, 1, 60]);
});

test("a burst that left little is not worth a pause", async () => {
  const { heap, clock } = scene();
  await clock.advance(10_000);
  const burst = async (held: number) => {
    heap.busy = 0.6;
    await clock.advance(10_000);
    heap.busy = 0.01;
    heap.held = held;
    await clock.advance(60_000);
    return heap.collections;
  };
  assert.equal(await burst(85), 1);
  assert.equal(await burst(95), 2);
});

test("what comes together at rest is left to V8", async () => {
  const { heap, clock } = scene();
  await clock.advance(10_000);
  heap.held = 200;
  await clock.advance(60_000);
  assert.equal(heap.collections, 1);
});

test("what was stopped collects nothing more", async () => {
  const { heap, clock, stop } = scene();
  stop();
  await clock.advance(60_000);
  assert.equal(heap.collections, 0);
});
