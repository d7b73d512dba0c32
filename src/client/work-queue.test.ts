import assert from "node:assert/strict";
import { test } from "node:test";
import { valuesOf } from "../../test/metric-values.ts";
import { MetricRegistry, VirtualClock } from "../lib/index.ts";
import { WorkQueue } from "./index.ts";
import { workQueueMetrics } from "./work-queue-metrics.ts";

function scene() {
  const clock = new VirtualClock();
  let ready = 0;
  const queue = new WorkQueue(clock, () => ready++);
  const drain = () => {
    const keys: string[] = [];
    for (let key = queue.take(); key !== undefined; key = queue.take()) keys.push(key);
    return keys;
  };
  return { clock, queue, drain, ready: () => ready };
}

test("keys come out once, in the order in which they went in", () => {
  const { queue, drain, ready } = scene();
  for (const key of ["a", "b", "a", "c"]) queue.add(key);
  assert.deepEqual(drain(), ["a", "b", "c"]);
  assert.equal(ready(), 3);
});

test("keys that come while others are taken, or after all were, come out in their order too", () => {
  const { queue, drain } = scene();
  for (const key of ["a", "b", "c"]) queue.add(key);
  assert.equal(queue.take(), "a");
  queue.add("d");
  queue.done("a");
  queue.add("a");
  assert.deepEqual(drain(), ["b", "c", "d", "a"]);
  assert.deepEqual(drain(), []);
  for (const key of ["f", "e"]) queue.add(key);
  assert.deepEqual(drain(), ["f", "e"]);
});

test("taking keys begins no iteration for each, which would go past all that were taken before", (t) => {
  const { queue, drain } = scene();
  for (let index = 0; index < 1_000; index++) queue.add(String(index));
  let begun = 0;
  const { entries } = Map.prototype;
  const counted = function (this: Map<unknown, unknown>) {
    begun++;
    return entries.call(this);
  };
  Object.assign(Map.prototype, { entries: counted, [Symbol.iterator]: counted });
  t.after(() => Object.assign(Map.prototype, { entries, [Symbol.iterator]: entries }));
  assert.equal(drain().length, 1_000);
  assert.ok(begun < 10);
});

test("a key that is added while it is worked on comes out again after that, once", () => {
  const { queue, drain } = scene();
  queue.add("a");
  drain();
  queue.add("a");
  queue.add("a");
  assert.deepEqual(drain(), []);
  queue.done("a");
  assert.deepEqual(drain(), ["a"]);
  queue.done("a");
  assert.deepEqual(drain(), []);
});

test("of several delays the earliest counts, and an add at once makes it void", async () => {
  const { clock, queue, drain } = scene();
  queue.addAfter("a", 500);
  queue.addAfter("a", 100);
  queue.addAfter("a", 900);
  await clock.advance(99);
  assert.deepEqual(drain(), []);
  await clock.advance(1);
  assert.deepEqual(drain(), ["a"]);
  queue.done("a");
  queue.addAfter("a", 100);
  queue.add("a");
  assert.deepEqual(drain(), ["a"]);
  queue.done("a");
  await clock.advance(1_000);
  assert.deepEqual(drain(), []);
});

test("failures double the pause until the key is forgotten", async () => {
  const { clock, queue, drain } = scene();
  const pauses: number[] = [];
  const fail = async () => {
    queue.addAfterFailure("a");
    const startMs = clock.monotonicMs();
    while (drain().length === 0) await clock.advance(5);
    queue.done("a");
    pauses.push(clock.monotonicMs() - startMs);
  };
  for (let i = 0; i < 4; i++) await fail();
  queue.forget("a");
  await fail();
  assert.deepEqual(pauses, [5, 10, 20, 40, 5]);
});

test("a closed queue gives nothing and takes nothing", async () => {
  const { clock, queue, drain } = scene();
  queue.add("a");
  queue.addAfter("b", 100);
  queue.close();
  queue.add("c");
  await clock.advance(1_000);
  assert.deepEqual(drain(), []);
  assert.equal(queue.pending, 0);
});

test("a key that rests comes out after its rest, however often it is added", async () => {
  const { clock, queue, drain } = scene();
  queue.add("a");
  drain();
  queue.done("a", 100);
  queue.add("a");
  queue.addAfter("a", 10);
  await clock.advance(99);
  assert.deepEqual(drain(), []);
  await clock.advance(1);
  assert.deepEqual(drain(), ["a"]);
  queue.done("a", 100);
  await clock.advance(1_000);
  assert.deepEqual(drain(), []);
  assert.equal(queue.pending, 0);
});

test("a key that is added in every rest rests twice as long each time, until it is left in peace", async () => {
  const { clock, queue, drain } = scene();
  const rest = async (isAdded: boolean) => {
    queue.add("a");
    assert.deepEqual(drain(), ["a"]);
    queue.done("a", 20, 100);
    const startMs = clock.monotonicMs();
    if (isAdded) queue.add("a");
    else await clock.advance(100);
    while (queue.size === 0 && isAdded) await clock.advance(5);
    return clock.monotonicMs() - startMs;
  };
  const rests: number[] = [];
  for (const isAdded of [true, true, true, true, false, true]) rests.push(await rest(isAdded));
  assert.deepEqual(rests, [20, 40, 80, 100, 100, 20]);
});

test("a queue counts what is added, waits, is tried again and is worked on", async () => {
  const clock = new VirtualClock();
  const metrics = new MetricRegistry();
  const queue = new WorkQueue(clock, () => {}, workQueueMetrics(metrics)("pods"));
  for (const key of ["a", "b", "a"]) queue.add(key);
  await clock.advance(2_000);
  queue.take();
  queue.addAfterFailure("c");
  const text = metrics.text();
  const expected = ["adds_total", "retries_total", "depth", "queue_duration_seconds_sum"].map((name) =>
    Number(new RegExp(`workqueue_${name}\\{name="pods"\\} (.*)`).exec(text)?.[1]),
  );
  assert.deepEqual(expected, [2, 1, 1, 2]);
  const working = () =>
    ["unfinished_work", "longest_running_processor"].map((name) => valuesOf(metrics, `workqueue_${name}_seconds`));
  await clock.advance(3_000);
  queue.take();
  await clock.advance(1_000);
  assert.deepEqual(working(), [{ 'name="pods"': 5 }, { 'name="pods"': 4 }]);
  for (const key of ["a", "b"]) queue.done(key, 20);
  assert.deepEqual(working(), [{}, {}]);
});
