import assert from "node:assert/strict";
import { test } from "node:test";
import { firstThree, formatLabels, humanDuration, selectorCell, timeSince } from "./columns.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test("durations show as kubectl shows ages", () => {
  const table: [number, string][] = [
    [-2 * second, "<invalid>"],
    [-1 * second, "0s"],
    [0, "0s"],
    [119 * second, "119s"],
    [2 * minute, "2m"],
    [2 * minute + second, "2m1s"],
    [10 * minute - second, "9m59s"],
    [10 * minute, "10m"],
    [3 * hour - second, "179m"],
    [3 * hour, "3h"],
    [7 * hour + 59 * minute, "7h59m"],
    [8 * hour, "8h"],
    [2 * day - minute, "47h"],
    [2 * day, "2d"],
    [2 * day + 3 * hour, "2d3h"],
    [8 * day, "8d"],
    [729 * day, "729d"],
    [731 * day, "2y1d"],
    [8 * 365 * day, "8y"],
  ];
  for (const [durationMs, expected] of table) assert.equal(humanDuration(durationMs), expected);
});

test("a time that is not known has no age", () => {
  assert.equal(timeSince(undefined, 0), "<unknown>");
  assert.equal(timeSince("1970-01-01T00:00:00Z", 5 * minute), "5m");
});

test("labels and selectors show in the order of their keys", () => {
  assert.equal(formatLabels({}), "<none>");
  assert.equal(formatLabels({ b: "2", a: "1" }), "a=1,b=2");
  assert.equal(selectorCell(undefined), "<none>");
  assert.equal(
    selectorCell({
      matchLabels: { tier: "web" },
      matchExpressions: [
        { key: "env", operator: "In", values: ["b", "a"] },
        { key: "zone", operator: "DoesNotExist" },
      ],
    }),
    "env in (a,b),tier=web,!zone",
  );
  assert.equal(selectorCell({ matchExpressions: [{ key: "a", operator: "Near" }] }), "<error>");
});

test("long lists are cut after three", () => {
  assert.equal(firstThree([], "<none>"), "<none>");
  assert.equal(firstThree(["a", "b", "c"], "<none>"), "a,b,c");
  assert.equal(firstThree(["a", "b", "c", "d", "e"], "<none>"), "a,b,c + 2 more...");
});
