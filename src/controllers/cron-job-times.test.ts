import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCronSchedule } from "../api/index.ts";
import { dueStarts, nextStart, utc, type ZoneOffset, zonedTimestamp, zoneOffset } from "./cron-job-times.ts";

function zone(name: string): ZoneOffset {
  const offset = name === "UTC" ? utc : zoneOffset(name);
  assert.ok(offset, name);
  return offset;
}

/** The next starts after a time, as the clocks of the zone show them. */
function starts(schedule: string, after: string, timeZone: string, count: number): string[] {
  const parsed = parseCronSchedule(schedule);
  const offset = zone(timeZone);
  const found: string[] = [];
  for (let at = Date.parse(after); found.length < count; ) {
    const next = nextStart(parsed, at, offset);
    if (next === undefined) return [...found, "never"];
    found.push(zonedTimestamp(next, offset));
    at = next;
  }
  return found;
}

const schedules: readonly (readonly [string, string, string, string, readonly string[]])[] = [
  ["every minute", "* * * * *", "2026-01-01T00:00:00Z", "UTC", ["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"]],
  ["within a minute", "* * * * *", "2026-01-01T00:00:30.500Z", "UTC", ["2026-01-01T00:01:00Z"]],
  ["steps", "*/20 8-9 * * *", "2026-01-01T08:30:00Z", "UTC", ["2026-01-01T08:40:00Z", "2026-01-01T09:00:00Z"]],
  ["the end of a year", "0 0 1 1 *", "2026-06-01T00:00:00Z", "UTC", ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]],
  ["names", "0 12 * feb sun", "2026-01-01T00:00:00Z", "UTC", ["2026-02-01T12:00:00Z", "2026-02-08T12:00:00Z"]],
  ["either day", "0 0 13 * fri", "2026-02-01T00:00:00Z", "UTC", ["2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z"]],
  [
    "a star among days",
    "0 0 1-7,* * fri",
    "2026-01-01T00:00:00Z",
    "UTC",
    ["2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z"],
  ],
  ["a leap day", "0 0 29 2 *", "2026-01-01T00:00:00Z", "UTC", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]],
  ["a day that never comes", "0 0 30 2 *", "2026-01-01T00:00:00Z", "UTC", ["never"]],
  ["no minute at all", ", * * * *", "2026-01-01T00:00:00Z", "UTC", ["never"]],
  ["intervals", "@every 90s", "2026-01-01T00:00:10Z", "UTC", ["2026-01-01T00:01:40Z", "2026-01-01T00:03:10Z"]],
  ["a zone", "30 9 * * *", "2026-01-15T00:00:00Z", "Asia/Kolkata", ["2026-01-15T09:30:00+05:30"]],
  [
    "an hour that is left out",
    "30 2 * * *",
    "2026-03-28T00:00:00Z",
    "Europe/Berlin",
    ["2026-03-28T02:30:00+01:00", "2026-03-30T02:30:00+02:00"],
  ],
  [
    "an hour that comes twice",
    "30 2 * * *",
    "2026-10-24T12:00:00Z",
    "Europe/Berlin",
    ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-26T02:30:00+01:00"],
  ],
  [
    "every hour while clocks are set forward",
    "@hourly",
    "2026-03-08T06:00:00Z",
    "America/New_York",
    ["2026-03-08T03:00:00-04:00", "2026-03-08T04:00:00-04:00"],
  ],
  [
    "midnight that is left out",
    "0 0 * * *",
    "2018-11-03T12:00:00Z",
    "America/Sao_Paulo",
    ["2018-11-05T00:00:00-02:00"],
  ],
  [
    "a day that begins at one",
    "30 5 4 11 *",
    "2018-11-01T00:00:00Z",
    "America/Sao_Paulo",
    ["2018-11-04T05:30:00-02:00"],
  ],
  [
    "a night of half an hour more, which whole hours step over",
    "15 2 * * *",
    "2026-04-04T00:00:00Z",
    "Australia/Lord_Howe",
    ["2026-04-06T02:15:00+10:30", "2026-04-07T02:15:00+10:30"],
  ],
];

for (const [name, schedule, after, timeZone, expected] of schedules)
  test(`the starts of a schedule: ${name}`, () => {
    const count = expected.filter((each) => each !== "never").length + Number(expected.includes("never"));
    assert.deepEqual(starts(schedule, after, timeZone, count), expected);
  });

const minute = 60_000;

function due(schedule: string, since: string, now: string, deadlineMs = Number.POSITIVE_INFINITY) {
  const nowMs = Date.parse(now);
  const found = dueStarts(parseCronSchedule(schedule), utc, {
    sinceMs: Date.parse(since),
    oldestMs: nowMs - deadlineMs,
    nowMs,
  });
  if (!found) return "never";
  const text = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString().slice(5, 16));
  return [text(found.startMs), text(found.nextMs), found.manyMissed];
}

test("a start is due when its time has come, and the next one is known", () => {
  assert.deepEqual(due("0 * * * *", "2026-01-01T10:00:00Z", "2026-01-01T10:59:59Z"), [undefined, "01-01T11:00", false]);
  assert.deepEqual(due("0 * * * *", "2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z"), [
    "01-01T11:00",
    "01-01T12:00",
    false,
  ]);
});

test("of many starts that were missed only the last is due", () => {
  assert.deepEqual(due("0 * * * *", "2026-01-01T10:00:00Z", "2026-01-02T10:30:00Z"), [
    "01-02T10:00",
    "01-02T11:00",
    false,
  ]);
  assert.deepEqual(due("* * * * *", "2026-01-01T10:00:00Z", "2026-01-01T11:39:59Z"), [
    "01-01T11:39",
    "01-01T11:40",
    false,
  ]);
  assert.deepEqual(due("* * * * *", "2026-01-01T10:00:00Z", "2026-01-01T11:41:00Z"), [
    "01-01T11:41",
    "01-01T11:42",
    true,
  ]);
  assert.deepEqual(due("30 6-16/4 * * 1-5", "2026-01-01T00:00:00Z", "2026-01-12T00:00:00Z"), [
    "01-09T14:30",
    "01-12T06:30",
    false,
  ]);
});

test("a start that is older than the deadline is not due any more", () => {
  const since = "2026-01-01T10:00:00Z";
  assert.deepEqual(due("0 * * * *", since, "2026-01-01T11:05:00Z", 10 * minute), ["01-01T11:00", "01-01T12:00", false]);
  assert.deepEqual(due("0 * * * *", since, "2026-01-01T11:05:00Z", 5 * minute), [undefined, "01-01T12:00", false]);
  assert.deepEqual(due("* * * * *", since, "2026-01-03T00:00:00Z", 10 * minute), ["01-03T00:00", "01-03T00:01", false]);
});

test("intervals go on from the last start", () => {
  const since = "2026-01-01T10:00:00Z";
  assert.deepEqual(due("@every 1h30m", since, "2026-01-01T11:29:00Z"), [undefined, "01-01T11:30", false]);
  assert.deepEqual(due("@every 1h30m", since, "2026-01-01T14:40:00Z"), ["01-01T14:30", "01-01T16:00", false]);
  assert.deepEqual(due("@every 1h30m", since, "2026-01-01T11:30:00Z", minute), ["01-01T11:30", "01-01T13:00", false]);
});

test("a clock that was set back waits for what follows the last start", () => {
  const last = "2026-01-01T12:00:00Z";
  assert.deepEqual(due("0 * * * *", last, "2026-01-01T09:30:00Z"), [undefined, "01-01T13:00", false]);
  assert.deepEqual(due("@every 1h", last, "2026-01-01T09:30:00Z"), [undefined, "01-01T13:00", false]);
});

test("years that a clock jumps cost little", () => {
  const began = performance.now();
  assert.deepEqual(due("* * * 1 *", "1990-01-01T00:00:00Z", "2026-03-01T00:00:00Z"), [
    "01-31T23:59",
    "01-01T00:00",
    true,
  ]);
  assert.equal(due("0 0 31 4 *", "1990-01-01T00:00:00Z", "2026-03-01T00:00:00Z"), "never");
  assert.ok(performance.now() - began < 1_000);
});

test("a zone that there is not has no offset", () => {
  assert.equal(zoneOffset("Mars/Olympus"), undefined);
});
