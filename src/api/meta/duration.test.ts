import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration } from "./duration.ts";

const durations: readonly [string, number][] = [
  ["0", 0],
  ["30s", 30_000],
  ["1h30m", 5_400_000],
  ["1.5s", 1_500],
  [".5m", 30_000],
  ["1.s", 1_000],
  ["-2ms", -2],
  ["+1us", 0.001],
  ["3µs", 0.003],
];
for (const [text, ms] of durations)
  test(`${text} lasts ${ms} ms`, () => assert.ok(Math.abs(parseDuration(text) - ms) < 1e-9));

const wrong: readonly [string, string][] = [
  ["", 'time: invalid duration ""'],
  ["x", 'time: invalid duration "x"'],
  ["-", 'time: invalid duration "-"'],
  [".s", 'time: invalid duration ".s"'],
  ["30", 'time: missing unit in duration "30"'],
  ["1h30", 'time: missing unit in duration "1h30"'],
  ["3d", 'time: unknown unit "d" in duration "3d"'],
  ["1s ", 'time: unknown unit "s " in duration "1s "'],
  ["1constructor", 'time: unknown unit "constructor" in duration "1constructor"'],
];
for (const [text, message] of wrong)
  test(`${JSON.stringify(text)} is no duration`, () => assert.throws(() => parseDuration(text), { message }));
