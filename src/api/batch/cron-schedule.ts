// The schedules of CronJobs: the five fields of cron, or one of its words, as github.com/robfig/cron/v3 reads them;
// the messages are its own. https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax

import { errorMessage } from "../../lib/index.ts";
import { parseDuration } from "../meta/index.ts";

/** When a schedule is due: each field's set of values. */
export interface CronSchedule {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly daysOfMonth: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly daysOfWeek: ReadonlySet<number>;
  /** Where both kinds of days are restricted, either is enough; a star restricts nothing. */
  readonly anyDayOfMonth: boolean;
  readonly anyDayOfWeek: boolean;
}

/** `@every 1h30m`: due again so many seconds after each start. */
export interface IntervalSchedule {
  readonly everySeconds: number;
}

interface Field {
  readonly low: number;
  readonly high: number;
  readonly names: readonly string[];
}

const monthNames = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const fields: readonly Field[] = [
  { low: 0, high: 59, names: [] },
  { low: 0, high: 23, names: [] },
  { low: 1, high: 31, names: [] },
  { low: 1, high: 12, names: monthNames },
  { low: 0, high: 6, names: dayNames },
];
const words: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** Reads a schedule, without its time zone. Throws an Error that says what is wrong. */
export function parseCronSchedule(text: string): CronSchedule | IntervalSchedule {
  if (text === "") throw new Error("empty spec string");
  const spec = text.replace(/^(CRON_)?TZ=\S*\s*/, "").trim();
  if (spec.startsWith("@every ")) return { everySeconds: everySeconds(spec.slice("@every ".length), spec) };
  if (spec.startsWith("@")) {
    const meant = Object.hasOwn(words, spec) ? words[spec] : undefined;
    if (meant === undefined) throw new Error(`unrecognized descriptor: ${spec}`);
    return parseFields(meant);
  }
  return parseFields(spec);
}

function parseFields(spec: string): CronSchedule {
  const parts = spec.split(/\s+/).filter((part) => part !== "");
  if (parts.length !== fields.length)
    throw new Error(`expected exactly 5 fields, found ${parts.length}: [${parts.join(" ")}]`);
  const [minutes, hours, daysOfMonth, months, daysOfWeek] = parts.map((part, index) =>
    parseField(part, fields[index] as Field),
  ) as [Set<number>, Set<number>, Set<number>, Set<number>, Set<number>]; // one for each of the five parts
  const isAny = (text = "") => text.split(",").some((part) => /^[*?](-[^/]*)?(\/\+?0*1)?$/.test(part));
  return {
    minutes,
    hours,
    daysOfMonth,
    months,
    daysOfWeek,
    anyDayOfMonth: isAny(parts[2]),
    anyDayOfWeek: isAny(parts[4]),
  };
}

function parseField(text: string, field: Field): Set<number> {
  const values = new Set<number>();
  for (const part of text.split(",").filter((each) => each !== "")) addRange(part, field, values);
  return values;
}

/** A number, a range or a star, each with an optional step after a slash. */
function addRange(part: string, field: Field, values: Set<number>): void {
  const [range = "", stepText, ...moreSteps] = part.split("/");
  const [lowText = "", highText, ...moreEnds] = range.split("-");
  if (moreEnds.length > 0) throw new Error(`too many hyphens: ${part}`);
  if (moreSteps.length > 0) throw new Error(`too many slashes: ${part}`);
  const isAny = lowText === "*" || lowText === "?";
  const start = isAny ? field.low : parseValue(lowText, field);
  let end = isAny ? field.high : highText === undefined ? start : parseValue(highText, field);
  const step = stepText === undefined ? 1 : parseNumber(stepText);
  if (stepText !== undefined && highText === undefined) end = field.high;
  if (start < field.low) throw new Error(`beginning of range (${start}) below minimum (${field.low}): ${part}`);
  if (end > field.high) throw new Error(`end of range (${end}) above maximum (${field.high}): ${part}`);
  if (start > end) throw new Error(`beginning of range (${start}) beyond end of range (${end}): ${part}`);
  if (step === 0) throw new Error(`step of range should be a positive number: ${part}`);
  for (let value = start; value <= end; value += step) values.add(value);
}

function parseValue(text: string, field: Field): number {
  const index = field.names.indexOf(text.toLowerCase());
  return index >= 0 ? index + field.low : parseNumber(text);
}

function parseNumber(text: string): number {
  if (/^-\d+$/.test(text)) throw new Error(`negative number (${Number(text)}) not allowed: ${text}`);
  if (!/^\+?\d{1,18}$/.test(text))
    throw new Error(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** A duration as Go writes it, in whole seconds and at least one. */
function everySeconds(text: string, spec: string): number {
  try {
    return Math.max(1, Math.floor(parseDuration(text) / 1_000));
  } catch (error) {
    throw new Error(`failed to parse duration ${spec}: ${errorMessage(error)}`);
  }
}
