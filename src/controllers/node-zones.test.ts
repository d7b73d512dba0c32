import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "../api/index.ts";
import { EvictionTurns, NodeZones } from "./node-zones.ts";

const node = (status: string | undefined, zone: string, labels: object = {}) =>
  ({
    metadata: { labels: { "topology.kubernetes.io/zone": zone, ...labels } },
    status: { conditions: status === undefined ? [] : [{ type: "Ready", status }] },
  }) as unknown as Node; // only what is looked at

/** Zones with so many nodes that are ready and not. */
function zonesOf(...zones: readonly (readonly [zone: string, ready: number, down: number])[]): NodeZones {
  const all = new NodeZones();
  for (const [zone, ready, down] of zones) {
    for (let at = 0; at < ready; at++) all.note(`${zone}-ready-${at}`, node("True", zone));
    for (let at = 0; at < down; at++) all.note(`${zone}-down-${at}`, node("Unknown", zone));
  }
  return all;
}

const cases: readonly [what: string, zones: NodeZones, pace: number | undefined][] = [
  ["one of three is down: one node in 10 s", zonesOf(["z", 2, 1]), 10_000],
  ["two nodes are no disruption however small the zone is", zonesOf(["z", 1, 2]), 10_000],
  ["most of a small zone is down: none", zonesOf(["z", 2, 4]), undefined],
  ["most of a large zone is down: one node in 100 s", zonesOf(["z", 20, 40]), 100_000],
  ["just under the threshold of 55 %: one node in 10 s", zonesOf(["z", 46, 54]), 10_000],
  ["a whole zone is down and another one lives: one node in 10 s", zonesOf(["z", 0, 3], ["y", 1, 0]), 10_000],
  ["everything is down: none", zonesOf(["z", 0, 3], ["y", 0, 2]), undefined],
  ["the only node is down: none", zonesOf(["z", 0, 1]), undefined],
];

for (const [what, zones, pace] of cases) {
  test(`pace of eviction when ${what}`, () => assert.equal(zones.evictionIntervalMs(":\0:z"), pace));
}

test("who is not ready hears of it when the pace of the zone changes, and only then", () => {
  const zones = zonesOf(["z", 4, 2], ["y", 1, 1]);
  const down = (name: string) => zones.note(name, node("False", "z"));
  assert.deepEqual(down("z-ready-0"), []);
  // 4 of 6 are down: nothing may go any more.
  assert.deepEqual(down("z-ready-1"), ["z-down-0", "z-down-1", "z-ready-0", "z-ready-1"]);
  assert.deepEqual(down("z-ready-1"), []);
  assert.deepEqual(zones.note("z-ready-1", node("True", "z")), ["z-down-0", "z-down-1", "z-ready-0"]);
  // A node that is gone leaves its zone, one that moves leaves it for another.
  assert.deepEqual(zones.note("z-down-0", undefined), []);
  assert.deepEqual(zones.note("z-ready-1", node("True", "x")), []);
  // The last that lived anywhere concerns all zones.
  zones.note("z-ready-1", undefined);
  zones.note("y-ready-0", undefined);
  zones.note("z-ready-2", undefined);
  assert.deepEqual(zones.note("z-ready-3", node("Unknown", "z")), ["z-down-1", "z-ready-0", "z-ready-3", "y-down-0"]);
});

test("nodes that are excluded, or have never reported, say nothing about their zone", () => {
  const zones = zonesOf(["z", 3, 2]);
  const label = { "node.kubernetes.io/exclude-disruption": "" };
  for (let at = 0; at < 10; at++) zones.note(`excluded-${at}`, node("Unknown", "z", label));
  for (let at = 0; at < 10; at++) zones.note(`new-${at}`, node(undefined, "z"));
  assert.equal(zones.evictionIntervalMs(":\0:z"), 10_000);
});

test("nodes have their turns one after the other, and who leaves makes room at once", () => {
  const turns = new EvictionTurns();
  assert.equal(turns.wait("z", "a", 10_000, 1_000), 0);
  assert.equal(turns.leave("a"), undefined);
  assert.equal(turns.wait("z", "b", 10_000, 2_000), 9_000);
  assert.equal(turns.wait("z", "c", 10_000, 2_000), undefined);
  assert.equal(turns.wait("y", "d", 10_000, 2_000), 0);
  assert.equal(turns.leave("b"), "c");
  assert.equal(turns.wait("z", "c", 10_000, 11_000), 0);
});
