/**
 * Parts of objects that were decoded, have their defaults and were found valid, and that nobody changes any more. What an
 * update leaves as it was is the same value again, and there is nothing to be done to it.
 */
const settledValues = new WeakSet<object>();

export function isSettled(value: unknown): boolean {
  return settledValues.has(value as object); // the set answers for any value
}

/** Says that a value is settled: it is part of an object that is stored, or about to be. */
export function settle(value: object): void {
  settledValues.add(value);
}
