import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../lib/index.ts";
import { makePod, type PodOptions } from "./objects-for-tests.ts";
import { PodShapes } from "./pod-shape.ts";
import { SchedulingQueue } from "./queue.ts";

function scene() {
  const clock = new VirtualClock();
  let calls = 0;
  const queue = new SchedulingQueue(clock, new PodShapes(), () => calls++);
  const add = (name: string, options: PodOptions = {}) => queue.add(makePod({ name, ...options }));
  const takeName = () => queue.take()?.pod.metadata.name;
  /** Takes a pod and says that it fits nowhere. */
  const fail = () => {
    const queued = queue.take();
    assert.ok(queued);
    queue.wait(queued);
  };
  return { clock, queue, add, takeName, fail, calls: () => calls };
}

test("pods come by priority, then in the order of their coming", () => {
  const { add, takeName } = scene();
  add("first");
  add("urgent", { priority: 1000 });
  add("second");
  add("also-urgent", { priority: 1000 });
  assert.deepEqual(
    [takeName(), takeName(), takeName(), takeName(), takeName()],
    ["urgent", "also-urgent", "first", "second", undefined],
  );
});

test("a pod that failed comes after those that came meanwhile", () => {
  const { queue, add, takeName, fail } = scene();
  add("failed");
  fail();
  add("new");
  add("urgent", { priority: 1000 });
  // Its pause is over for want of anything better.
  queue.wake("NodeAdd", () => true);
  assert.deepEqual([takeName(), takeName(), takeName()], ["urgent", "new", "failed"]);
});

test("a pod whose spec or labels changed is tried again, after its pause where others wait", async () => {
  const { clock, queue, add, takeName, fail } = scene();
  add("changed");
  fail();
  add("new");
  add("changed", { labels: { app: "web" } });
  assert.equal(takeName(), "new");
  assert.equal(takeName(), "changed");
  assert.equal(queue.size, 2);
  add("slow");
  fail();
  await clock.advance(1_000);
  add("newer");
  add("slow", { generation: 2 });
  assert.equal(takeName(), "slow", "it failed before the other came");
  assert.equal(takeName(), "newer");
});

test("a pod is not taken twice, and not after it was deleted", () => {
  const { queue, add, takeName } = scene();
  add("a");
  add("a");
  add("b");
  queue.delete(makePod({ name: "b" }).metadata.uid);
  assert.equal(takeName(), "a");
  assert.equal(takeName(), undefined);
});

test("a pod that fits nowhere waits until something may have changed that", () => {
  const { queue, add, takeName, fail } = scene();
  add("a", { requests: { cpu: "1" } });
  add("b", { requests: { cpu: "2" } });
  fail();
  fail();
  assert.equal(takeName(), undefined);
  queue.wake("NodeAdd", (pod) => pod.metadata.name === "b");
  assert.equal(takeName(), "b");
  assert.equal(takeName(), undefined);
});

test("like pods are woken together and asked about once", () => {
  const { queue, add, takeName, fail } = scene();
  for (const name of ["a", "b", "c"]) {
    add(name);
    fail();
  }
  let asked = 0;
  queue.wake("NodeAdd", () => ++asked > 0);
  assert.equal(asked, 1);
  assert.deepEqual([takeName(), takeName(), takeName()].sort(), ["a", "b", "c"]);
});

test("a woken pod keeps its pause while others can be tried", async () => {
  const { clock, queue, add, takeName, fail } = scene();
  add("failed");
  fail();
  queue.wake("NodeAdd", () => true);
  add("new", { priority: -1 });
  assert.equal(takeName(), "new");
  assert.equal(takeName(), "failed", "with nothing better to do");
  add("failed-longer", { priority: 5 });
  fail();
  queue.wake("NodeAdd", () => true);
  await clock.advance(1_000);
  add("newer");
  assert.equal(takeName(), "failed-longer", "its pause is over");
});

test("a pod whose placing failed is tried after a pause that doubles up to ten seconds", async () => {
  const { clock, queue, add, calls } = scene();
  add("a");
  const pauses: number[] = [];
  for (let failure = 0; failure < 6; failure++) {
    const queued = queue.take();
    assert.ok(queued);
    queue.retry(queued);
    const before = clock.monotonicMs();
    const callsBefore = calls();
    while (calls() === callsBefore) await clock.advance(500);
    pauses.push(clock.monotonicMs() - before);
  }
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

test("a waiting pod is tried after five minutes whatever happened", async () => {
  const { clock, add, takeName, fail } = scene();
  add("a");
  fail();
  await clock.advance(4.5 * 60_000);
  assert.equal(takeName(), undefined);
  await clock.advance(60_000);
  assert.equal(takeName(), "a");
});

test("a waiting pod is tried when its spec or labels change, not when its status does", () => {
  const { queue, add, takeName, fail } = scene();
  add("a");
  fail();
  queue.add({ ...makePod({ name: "a" }), status: { phase: "Pending", message: "new" } });
  assert.equal(takeName(), undefined);
  add("a", { generation: 2 });
  assert.equal(takeName(), "a");
  add("b");
  fail();
  add("b", { labels: { app: "x" } });
  assert.equal(takeName(), "b");
});

test("a pod that was deleted while it was taken does not come back", () => {
  const { queue, add, takeName } = scene();
  add("a");
  const queued = queue.take();
  assert.ok(queued);
  queue.delete(queued.pod.metadata.uid);
  queue.retry(queued);
  queue.wait(queued);
  queue.wake("NodeAdd", () => true);
  assert.equal(takeName(), undefined);
  assert.equal(queue.size, 0);
});

test("a pod that was changed while it was taken comes back changed", () => {
  const { queue, add } = scene();
  add("a");
  const queued = queue.take();
  assert.ok(queued);
  add("a", { generation: 2, requests: { cpu: "3" } });
  queue.wait(queued);
  queue.wake("NodeAdd", (pod) => pod.metadata.generation === 2);
  assert.equal(queue.take()?.shape.requests.milliCpu, 3_000);
});
