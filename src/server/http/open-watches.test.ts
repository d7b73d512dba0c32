import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../lib/index.ts";
import { OpenWatches } from "./open-watches.ts";

test("many watches end evenly within a second, and later ones at once", async () => {
  const clock = new VirtualClock();
  const watches = new OpenWatches();
  const never = new AbortController().signal;
  const open = Array.from({ length: 5_000 }, () => watches.open(never));
  const ended = () => open.filter(({ signal }) => signal.aborted).length;
  const all = watches.endAll(clock);
  const seen: number[] = [];
  for (let tenth = 0; tenth < 10; tenth++) {
    await clock.advance(100);
    seen.push(ended());
  }
  await all;
  for (const [tenth, count] of seen.entries())
    assert.ok(Math.abs(count - (tenth + 1) * 500) <= 100, `${count} after ${tenth + 1} tenths of a second`);
  assert.equal(ended(), 5_000);
  assert.equal(watches.open(never).signal.aborted, true);
});

test("a watch ends with its client too, and one that has ended is forgotten", async () => {
  const watches = new OpenWatches();
  const client = new AbortController();
  const left = watches.open(client.signal);
  client.abort();
  assert.equal(left.signal.aborted, true);
  const other = watches.open(new AbortController().signal);
  other.close();
  left.close();
  await watches.endAll(new VirtualClock());
  assert.equal(other.signal.aborted, false);
});
