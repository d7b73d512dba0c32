import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalMicroTime, canonicalTime, parseTime } from "./time.ts";

test("times are kept in UTC", () => {
  for (const [text, canonical] of [
    ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"],
    ["2026-01-02T03:04:05.999Z", "2026-01-02T03:04:05Z"],
    ["2026-01-02T03:04:05+02:30", "2026-01-02T00:34:05Z"],
    ["2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00Z"],
    ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"],
    ["2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"],
  ] as const)
    assert.equal(canonicalTime(text), canonical);
  assert.equal(canonicalMicroTime("2026-01-02T03:04:05.123456Z"), "2026-01-02T03:04:05.123456Z");
  assert.equal(canonicalMicroTime("2026-01-02T03:04:05.123456+01:00"), "2026-01-02T02:04:05.123456Z");
});

test("times count from 1970", () => {
  assert.equal(parseTime("1970-01-01T00:00:01.5Z"), 1500);
  assert.equal(parseTime("1969-12-31T23:59:59Z"), -1000);
  assert.equal(parseTime("2026-01-01T00:00:00.000001Z"), Date.UTC(2026, 0, 1));
});

test("what is no time is refused in the words of Go", () => {
  const layout = '"2006-01-02T15:04:05Z07:00"';
  for (const [text, message] of [
    ["", `parsing time "" as ${layout}: cannot parse "" as "2006"`],
    ["yesterday", `parsing time "yesterday" as ${layout}: cannot parse "yesterday" as "2006"`],
    ["2026-01-02", `parsing time "2026-01-02" as ${layout}: cannot parse "" as "T"`],
    ["2026-01-02T03:04:05", `parsing time "2026-01-02T03:04:05" as ${layout}: cannot parse "" as "Z07:00"`],
    ["2026-13-02T03:04:05Z", 'parsing time "2026-13-02T03:04:05Z": month out of range'],
    ["2026-02-29T03:04:05Z", 'parsing time "2026-02-29T03:04:05Z": day out of range'],
    ["2026-01-02T03:04:05Zx", 'parsing time "2026-01-02T03:04:05Zx": extra text: "x"'],
  ] as const)
    assert.throws(() => canonicalTime(text), { message }, text);
  assert.throws(() => canonicalMicroTime("2026-01-02T03:04:05Z"), /cannot parse "Z" as "\.000000"/);
});
