const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a duration as Go's time.ParseDuration reads it: "1h30m", "-1.5s", "0". Throws Error in its words. */
export function parseDuration(text: string): number {
  const fail = (why: string) => new Error(`time: ${why} ${JSON.stringify(text)}`);
  const sign = text.startsWith("-") ? -1 : 1;
  const amount = text.replace(/^[-+]/, "");
  if (amount === "0") return 0;
  const part = /(\d*)(\.\d*)?([^\d.]*)/y;
  let sum = 0;
  do {
    const [whole, integer = "", fraction = "", unit = ""] = part.exec(amount) ?? [""];
    if (whole === "" || (integer === "" && fraction.length < 2)) throw fail("invalid duration");
    if (unit === "") throw fail("missing unit in duration");
    const factor = Object.hasOwn(unitMs, unit) ? unitMs[unit] : undefined;
    if (factor === undefined) throw fail(`unknown unit ${JSON.stringify(unit)} in duration`);
    sum += Number(`${integer || "0"}${fraction}`) * factor;
  } while (part.lastIndex < amount.length);
  return sign * sum;
}
