import assert from "node:assert/strict";
import { test } from "node:test";
import { dealHand } from "./hand.ts";

test("a flow is always dealt the same queues, each once and none beyond the last", () => {
  for (let flow = 0; flow < 500; flow++) {
    const hand = dealHand(`schema/user-${flow}`, 16, 4);
    assert.deepEqual(hand, dealHand(`schema/user-${flow}`, 16, 4));
    assert.equal(new Set(hand).size, 4);
    assert.ok(hand.every((each) => each >= 0 && each < 16));
  }
  assert.deepEqual(dealHand("all", 3, 3), [0, 1, 2]);
});

test("queues are dealt evenly, and few flows share all of theirs", () => {
  const dealt = new Array(128).fill(0);
  const hands = new Set<string>();
  for (let flow = 0; flow < 4000; flow++) {
    const hand = dealHand(`schema/user-${flow}`, 128, 6);
    hands.add(hand.join());
    for (const each of hand) dealt[each]++;
  }
  assert.equal(hands.size, 4000);
  const mean = (4000 * 6) / 128;
  assert.ok(
    Math.min(...dealt) > mean * 0.6 && Math.max(...dealt) < mean * 1.4,
    `${Math.min(...dealt)}–${Math.max(...dealt)}`,
  );
});
