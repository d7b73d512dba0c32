import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../lib/index.ts";
import { Deadlines } from "./deadlines.ts";

test("each wait is late in its own time, unless it was cancelled", async () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines(clock, 100);
  let late: readonly string[] = [];
  const begin = (name: string) =>
    deadlines.begin(() => {
      late = [...late, name];
    });
  const first = begin("first");
  await clock.advance(30);
  begin("second");
  await clock.advance(30);
  begin("third");
  first.cancel();
  await clock.advance(69);
  assert.deepEqual(late, []);
  await clock.advance(1);
  assert.deepEqual(late, ["second"]);
  await clock.advance(30);
  assert.deepEqual(late, ["second", "third"]);
  begin("fourth");
  await clock.advance(100);
  assert.deepEqual(late, ["second", "third", "fourth"]);
});
