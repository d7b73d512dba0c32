import assert from "node:assert/strict";
import { test } from "node:test";
import { pause, sleep } from "./clock.ts";
import { VirtualClock } from "./virtual-clock.ts";

test("a sleep ends after its time, and with the signal's reason when that is aborted first", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const ended = sleep(clock, 10, stop.signal);
  await clock.advance(10);
  await ended;
  const cut = sleep(clock, 10, stop.signal);
  stop.abort(new Error("the end"));
  await assert.rejects(cut, /the end/);
  await assert.rejects(sleep(clock, 10, stop.signal), /the end/);
});

test("a pause ends after its time or with the signal, whichever is first", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  let paused = true;
  const ended = pause(clock, 10, stop.signal).then(() => {
    paused = false;
  });
  await clock.advance(9);
  assert.ok(paused);
  await clock.advance(1);
  await ended;
  const cut = pause(clock, 10, stop.signal);
  stop.abort();
  await cut;
  await pause(clock, 10, stop.signal);
});
