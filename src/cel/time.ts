// Moments and spans of time: their texts and their parts.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#timestamps
import { Duration, EvaluationError, Timestamp } from "./values.ts";

const nanosPerSecond = 1_000_000_000n;
/** 0001-01-01T00:00:00Z and the last nanosecond of the year 9999. */
const minTimestamp = -62_135_596_800n * nanosPerSecond;
const maxTimestamp = 253_402_300_800n * nanosPerSecond - 1n;
const maxInt64 = 2n ** 63n - 1n;

/** Throws EvaluationError for a moment outside of the years 1 to 9999. */
export function timestampOf(nanos: bigint): Timestamp {
  if (nanos < minTimestamp || nanos > maxTimestamp) throw new EvaluationError("timestamp overflow");
  return new Timestamp(nanos);
}

/** Throws EvaluationError for a span that 64 bits of nanoseconds do not hold. */
export function durationOf(nanos: bigint): Duration {
  if (nanos > maxInt64 || nanos < -maxInt64 - 1n) throw new EvaluationError("duration overflow");
  return new Duration(nanos);
}

const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;

export function parseTimestamp(text: string): Timestamp {
  const match = rfc3339.exec(text);
  if (!match) throw invalidTimestamp(text);
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    ...[number, number, number],
    ...[number, number, number],
  ];
  const [fraction = "", sign, offsetHours = "0", offsetMinutes = "0"] = match.slice(7);
  const moment = new Date(0);
  moment.setUTCFullYear(year, month - 1, day);
  moment.setUTCHours(hour, minute, second);
  const isReal =
    moment.getUTCFullYear() === year &&
    moment.getUTCMonth() === month - 1 &&
    moment.getUTCDate() === day &&
    hour < 24 &&
    minute < 60 &&
    second < 60;
  if (!isReal) throw invalidTimestamp(text);
  const offsetSeconds = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60 * (sign === "-" ? -1 : 1);
  const seconds = BigInt(moment.getTime() / 1000 - offsetSeconds);
  return timestampOf(seconds * nanosPerSecond + BigInt(fraction.padEnd(9, "0")));
}

function invalidTimestamp(text: string): EvaluationError {
  return new EvaluationError(`invalid timestamp: '${text}' is not in the format of RFC 3339`);
}

/** RFC 3339 with as many digits of the second as it needs. */
export function formatTimestamp({ nanos }: Timestamp): string {
  const { seconds, rest } = split(nanos);
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}${fractionOf(rest)}Z`;
}

function split(nanos: bigint): { seconds: bigint; rest: bigint } {
  const rest = ((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond;
  return { seconds: (nanos - rest) / nanosPerSecond, rest };
}

function fractionOf(nanos: bigint): string {
  return nanos === 0n ? "" : `.${String(nanos).padStart(9, "0").replace(/0+$/, "")}`;
}

const nanosOf: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: nanosPerSecond,
  m: 60n * nanosPerSecond,
  h: 3600n * nanosPerSecond,
};
const durationPart = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y;

/** Spans as Go writes them: `1h30m`, `-1.5s`, `0`. */
export function parseDuration(text: string): Duration {
  const fail = () => new EvaluationError(`invalid duration '${text}'`);
  const sign = text.startsWith("-") ? -1n : 1n;
  const body = text.replace(/^[+-]/, "");
  if (body === "0") return new Duration(0n);
  let nanos = 0n;
  let at = 0;
  while (at < body.length) {
    durationPart.lastIndex = at;
    const match = durationPart.exec(body);
    if (!match) throw fail();
    const [all, whole = "", fraction = "", unit = ""] = match;
    if (whole === "" && fraction === "") throw fail();
    const size = nanosOf[unit] as bigint; // the pattern has these units only
    // More digits make no difference, but reading them takes time with the square of their number.
    const digits = fraction.slice(0, 18);
    if (whole.replace(/^0+/, "").length > 19) throw fail();
    nanos += BigInt(whole.slice(-19) || "0") * size + (BigInt(digits || "0") * size) / 10n ** BigInt(digits.length);
    at += all.length;
  }
  if (at === 0 || nanos > maxInt64 + (sign < 0n ? 1n : 0n)) throw fail();
  return new Duration(sign * nanos);
}

/** In seconds, as CEL prints it: `1.5s`. */
export function formatDuration({ nanos }: Duration): string {
  const size = nanos < 0n ? -nanos : nanos;
  return `${nanos < 0n ? "-" : ""}${size / nanosPerSecond}${fractionOf(size % nanosPerSecond)}s`;
}

export interface DateParts {
  readonly year: number;
  /** From 0. */
  readonly month: number;
  /** Of the month, from 1. */
  readonly day: number;
  /** From 0. */
  readonly dayOfYear: number;
  /** Sunday is 0. */
  readonly dayOfWeek: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly milliseconds: number;
}

/** What a clock in the zone shows: the name of a zone, or an offset as `+05:30`. */
export function partsOf({ nanos }: Timestamp, zone = "UTC"): DateParts {
  const { seconds, rest } = split(nanos);
  const local = new Date(Number(seconds) * 1000 + offsetMs(Number(seconds) * 1000, zone));
  const yearStart = new Date(0);
  yearStart.setUTCFullYear(local.getUTCFullYear(), 0, 1);
  return {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth(),
    day: local.getUTCDate(),
    dayOfYear: Math.floor((local.getTime() - yearStart.getTime()) / 86_400_000),
    dayOfWeek: local.getUTCDay(),
    hours: local.getUTCHours(),
    minutes: local.getUTCMinutes(),
    seconds: local.getUTCSeconds(),
    milliseconds: Number(rest / 1_000_000n),
  };
}

let lastFormat: { readonly zone: string; readonly format: Intl.DateTimeFormat } | undefined;

/** Making one takes several times as long as using it. */
function formatOf(zone: string): Intl.DateTimeFormat {
  if (lastFormat?.zone === zone) return lastFormat.format;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  lastFormat = { zone, format };
  return format;
}

function offsetMs(moment: number, zone: string): number {
  if (zone === "UTC" || zone === "") return 0;
  const offset = /^([+-]?)(\d{2}):(\d{2})$/.exec(zone);
  if (offset) return (Number(offset[2]) * 60 + Number(offset[3])) * 60_000 * (offset[1] === "-" ? -1 : 1);
  try {
    const format = formatOf(zone);
    const part = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]));
    const local = new Date(0);
    local.setUTCFullYear(
      part.era === "BC" ? 1 - Number(part.year) : Number(part.year),
      Number(part.month) - 1,
      Number(part.day),
    );
    local.setUTCHours(Number(part.hour), Number(part.minute), Number(part.second));
    return local.getTime() - Math.floor(moment / 1000) * 1000;
  } catch (cause) {
    // The only thing that fails here is a zone that nobody knows.
    throw new EvaluationError(`unknown time zone ${zone}`, { cause });
  }
}
