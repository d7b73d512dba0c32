import assert from "node:assert/strict";
import { test } from "node:test";
import { ChangeWaiters } from "./change-waiters.ts";

test("who waits is asked when one of its keys is told, and no other", async () => {
  const waiters = new ChangeWaiters();
  let asked = 0;
  let isDone = false;
  const waiting = waiters.wait(
    ["a", "b"],
    () => {
      asked++;
      return isDone;
    },
    new AbortController().signal,
  );
  waiters.tell("c");
  assert.equal(asked, 1);
  waiters.tell("a");
  assert.equal(asked, 2);
  isDone = true;
  waiters.tell("b");
  await waiting;
  waiters.tell("a");
  assert.equal(asked, 3);
});

test("a wait ends with what the question throws, and with the signal", async () => {
  const waiters = new ChangeWaiters();
  const { signal } = new AbortController();
  const failing = () => {
    throw new Error("gone");
  };
  await assert.rejects(waiters.wait(["a"], failing, signal), /gone/);
  const stop = new AbortController();
  const waiting = waiters.wait(["a"], () => false, stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(waiting, /stopped/);
  await assert.rejects(
    waiters.wait(["a"], () => true, stop.signal),
    /stopped/,
  );
});
