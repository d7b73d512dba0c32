// Times of the API: RFC 3339 as Go's time package reads it, for its messages reach the client.

const timeLayout = "2006-01-02T15:04:05Z07:00";
const microTimeLayout = "2006-01-02T15:04:05.000000Z07:00";

/** The layout's elements: how Go names each in errors, what it takes, and what the number may be. */
const elements: readonly (readonly [name: string, pattern: RegExp, low?: number, high?: number, field?: string])[] = [
  ["2006", /^\d{4}/],
  ["-", /^-/],
  ["01", /^\d{2}/, 1, 12, "month"],
  ["-", /^-/],
  ["02", /^\d{2}/, 1, 31, "day"],
  ["T", /^T/],
  ["15", /^\d{2}/, 0, 23, "hour"],
  [":", /^:/],
  ["04", /^\d{2}/, 0, 59, "minute"],
  [":", /^:/],
  ["05", /^\d{2}/, 0, 59, "second"],
];

interface Instant {
  /** Milliseconds since 1970 of the whole second. */
  readonly secondMs: number;
  /** The digits after the point, as written. */
  readonly fraction: string;
}

/** Reads RFC 3339; throws an Error with the sentence of Go's parser. */
function parseInstant(text: string, layout: string, fractionPattern: RegExp): Instant {
  const fail = (rest: string, element: string) =>
    new Error(
      `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(element)}`,
    );
  const outOfRange = (field: string) => new Error(`parsing time ${JSON.stringify(text)}: ${field} out of range`);
  const numbers: number[] = [];
  let rest = text;
  for (const [name, pattern, low, high, field] of elements) {
    const match = pattern.exec(rest);
    if (!match) throw fail(rest, name);
    rest = rest.slice(match[0].length);
    if (!/\d/.test(match[0])) continue;
    const number = Number(match[0]);
    if (low !== undefined && high !== undefined && (number < low || number > high)) throw outOfRange(field ?? name);
    numbers.push(number);
  }
  const fraction = fractionPattern.exec(rest);
  if (!fraction) throw fail(rest, ".000000");
  rest = rest.slice(fraction[0].length);
  const zone = /^(?:Z|([+-])(\d{2}):(\d{2}))/.exec(rest);
  if (!zone) throw fail(rest, "Z07:00");
  rest = rest.slice(zone[0].length);
  if (rest !== "") throw new Error(`parsing time ${JSON.stringify(text)}: extra text: ${JSON.stringify(rest)}`);
  const [, sign, zoneHours = "0", zoneMinutes = "0"] = zone;
  if (Number(zoneHours) > 24) throw outOfRange("time zone offset hour");
  if (Number(zoneMinutes) > 60) throw outOfRange("time zone offset minute");
  const offsetMs = (sign === "-" ? -1 : 1) * (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = numbers;
  if (day > daysIn(year, month)) throw outOfRange("day");
  // Date.UTC takes years below 100 for the twentieth century; an ISO text is read as it stands.
  const local = Date.parse(`${text.slice(0, 10)}T00:00:00Z`) + ((hour * 60 + minute) * 60 + second) * 1000;
  return { secondMs: local - offsetMs, fraction: fraction[0].slice(1) };
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Milliseconds since 1970 of a metav1.Time or MicroTime. Throws an Error that says what is wrong with the text. */
export function parseTime(text: string): number {
  const { secondMs, fraction } = parseInstant(text, timeLayout, /^(?:[.,]\d+)?/);
  return secondMs + Math.floor(Number(`0.${fraction || "0"}`) * 1000);
}

const canonicalTimePattern =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:[01]\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{6})?Z$/;

/** A metav1.Time as the API keeps it: UTC, whole seconds. Throws like parseTime. */
export function canonicalTime(text: string): string {
  if (text.length === 20 && canonicalTimePattern.test(text)) return text;
  const { secondMs } = parseInstant(text, timeLayout, /^(?:[.,]\d+)?/);
  return `${isoSeconds(secondMs)}Z`;
}

/** A metav1.MicroTime as the API keeps it: UTC, microseconds; it must come with exactly six digits. Throws like parseTime. */
export function canonicalMicroTime(text: string): string {
  if (text.length === 27 && canonicalTimePattern.test(text)) return text;
  const { secondMs, fraction } = parseInstant(text, microTimeLayout, /^\.\d{6}/);
  return `${isoSeconds(secondMs)}.${fraction}Z`;
}

function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19);
}
