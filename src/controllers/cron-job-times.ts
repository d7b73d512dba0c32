// When a schedule is due. The steps are those of github.com/robfig/cron/v3, and that is why no library stands here: a
// night in which clocks are set has the same starts, none in an hour that is left out, and twice those of one that comes
// twice.
import type { CronSchedule, IntervalSchedule } from "../api/index.ts";

/** What a zone's clocks are ahead of UTC at a time; all in milliseconds. */
export type ZoneOffset = (epochMs: number) => number;

export const utc: ZoneOffset = () => 0;

const hourMs = 3_600_000;
const minuteMs = 60_000;
/** No zone of today sets its clocks but at a quarter of an hour. */
const offsetStepMs = 15 * minuteMs;

/** The offset of a zone of the time zone database; undefined when there is no such zone. */
export function zoneOffset(timeZone: string): ZoneOffset | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" });
  } catch {
    // What it throws for is a zone that it does not know.
    return undefined;
  }
  let knownStep = Number.NaN;
  let known = 0;
  return (epochMs) => {
    const step = Math.floor(epochMs / offsetStepMs);
    if (step === knownStep) return known;
    const name = format.formatToParts(epochMs).find(({ type }) => type === "timeZoneName")?.value ?? "";
    const [, sign, hours, minutes = "0"] = /^GMT([+-])(\d+)(?::(\d+))?/.exec(name) ?? [];
    known = hours === undefined ? 0 : (Number(hours) * hourMs + Number(minutes) * minuteMs) * (sign === "-" ? -1 : 1);
    knownStep = step;
    return known;
  };
}

/** The time as RFC 3339 writes it in a zone. */
export function zonedTimestamp(epochMs: number, offset: ZoneOffset): string {
  const aheadMs = offset(epochMs);
  const local = new Date(epochMs + aheadMs).toISOString().slice(0, 19);
  if (aheadMs === 0) return `${local}Z`;
  const minutes = Math.abs(aheadMs) / minuteMs;
  const two = (value: number) => String(value).padStart(2, "0");
  return `${local}${aheadMs < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** How far ahead is looked for a start. */
const yearsMax = 5;

/** The first start after a time; undefined when there is none in five years. */
export function nextStart(
  schedule: CronSchedule | IntervalSchedule,
  afterMs: number,
  offset: ZoneOffset,
): number | undefined {
  const after = Math.floor(afterMs / 1000) * 1000;
  if ("everySeconds" in schedule) return after + schedule.everySeconds * 1000;
  const { minutes, hours, months } = schedule;
  if (minutes.size === 0 || hours.size === 0 || months.size === 0) return undefined;
  let at = after + 1000;
  let local = fieldsOf(at, offset);
  const lastYear = local.year + yearsMax;
  let isRounded = false;
  const move = (epochMs: number) => {
    at = epochMs;
    local = fieldsOf(at, offset);
  };
  /** Once a field does not match, the smaller ones begin anew. */
  const round = (epochMs: number) => {
    if (!isRounded) move(epochMs);
    isRounded = true;
  };
  wrapped: while (local.year <= lastYear) {
    while (!months.has(local.month)) {
      round(epochOf({ ...local, day: 1, hour: 0, minute: 0, second: 0 }, offset));
      move(epochOf({ ...local, month: local.month + 1 }, offset));
      if (local.month === 1) continue wrapped;
    }
    while (!isDay(schedule, local)) {
      round(epochOf({ ...local, hour: 0, minute: 0, second: 0 }, offset));
      move(epochOf({ ...local, day: local.day + 1 }, offset));
      // Where clocks are set at midnight, the day begins at another hour.
      if (local.hour !== 0) move(at + (local.hour > 12 ? 24 - local.hour : -local.hour) * hourMs);
      if (local.day === 1) continue wrapped;
    }
    while (!hours.has(local.hour)) {
      round(epochOf({ ...local, minute: 0, second: 0 }, offset));
      move(at + hourMs);
      if (local.hour === 0) continue wrapped;
    }
    while (!minutes.has(local.minute)) {
      round(Math.floor(at / minuteMs) * minuteMs);
      move(at + minuteMs);
      if (local.minute === 0) continue wrapped;
    }
    if (local.second === 0) return at;
    isRounded = true;
    move(at + (60 - local.second) * 1000);
  }
  return undefined;
}

/** The last start in (afterMs, untilMs], when there is one. */
function lastStart(
  schedule: CronSchedule | IntervalSchedule,
  afterMs: number,
  untilMs: number,
  offset: ZoneOffset,
): number | undefined {
  const first = nextStart(schedule, afterMs, offset);
  if (first === undefined || first > untilMs) return undefined;
  if ("everySeconds" in schedule) {
    const everyMs = schedule.everySeconds * 1000;
    return first + Math.floor((untilMs - first) / everyMs) * everyMs;
  }
  // The later one asks, the later is the answer: what is looked for is the last second with an answer that is not too late.
  let low = Math.floor(afterMs / 1000);
  let high = Math.floor(untilMs / 1000);
  let found = first;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const next = nextStart(schedule, middle * 1000, offset);
    if (next !== undefined && next <= untilMs) {
      low = middle;
      found = next;
    } else high = middle;
  }
  return found;
}

export interface DueStarts {
  /** The start that is due: of several that were missed the last. */
  readonly startMs?: number;
  readonly nextMs?: number;
  /** Whether so many were missed that something is wrong. */
  readonly manyMissed: boolean;
}

/** This many missed starts are told of. */
const missedMax = 100;

/** Which starts after `sinceMs` are due, and not older than `oldestMs`. Undefined: the schedule never is. */
export function dueStarts(
  schedule: CronSchedule | IntervalSchedule,
  offset: ZoneOffset,
  { sinceMs, oldestMs, nowMs }: { readonly sinceMs: number; readonly oldestMs: number; readonly nowMs: number },
): DueStarts | undefined {
  // Intervals go on from the last start, whether it is too late for one or not.
  const fromMs = "everySeconds" in schedule ? sinceMs : Math.max(sinceMs, oldestMs);
  const firstMs = nextStart(schedule, fromMs, offset);
  if (firstMs === undefined) return undefined;
  if (nowMs < firstMs) return { nextMs: firstMs, manyMissed: false };
  const secondMs = nextStart(schedule, firstMs, offset);
  const intervalMs = secondMs === undefined ? Number.POSITIVE_INFINITY : secondMs - firstMs;
  const startMs = intervalMs > nowMs - firstMs ? firstMs : (lastStart(schedule, firstMs, nowMs, offset) ?? firstMs);
  const nextMs = nextStart(schedule, startMs, offset);
  return {
    ...(startMs > oldestMs ? { startMs } : {}),
    ...(nextMs === undefined ? {} : { nextMs }),
    manyMissed: Math.floor((nowMs - firstMs) / intervalMs) + 1 > missedMax,
  };
}

interface LocalTime {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

function fieldsOf(epochMs: number, offset: ZoneOffset): LocalTime {
  const local = new Date(epochMs + offset(epochMs));
  return {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth() + 1,
    day: local.getUTCDate(),
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
  };
}

/** The time that clocks show so; of one that they never show, or show twice, what Go's time.Date gives. */
function epochOf({ year, month, day, hour, minute, second }: LocalTime, offset: ZoneOffset): number {
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  const guess = offset(local);
  const better = offset(local - guess);
  return local - (guess === better ? guess : better);
}

function isDay(
  { daysOfMonth, daysOfWeek, anyDayOfMonth, anyDayOfWeek }: CronSchedule,
  { year, month, day }: LocalTime,
) {
  const ofMonth = daysOfMonth.has(day);
  const ofWeek = daysOfWeek.has(new Date(Date.UTC(year, month - 1, day)).getUTCDay());
  return anyDayOfMonth || anyDayOfWeek ? ofMonth && ofWeek : ofMonth || ofWeek;
}
