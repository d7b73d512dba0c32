import type { Random } from "../lib/index.ts";

export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** The wait before attempt number `failures` + 1: doubling from `firstMs` to `maxMs`. */
export function backoffMs(backoff: Backoff, failures: number): number {
  return Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(failures, 52));
}

/** As backoffMs, and up to as much again, so that many clients that failed together do not come back together. */
export function jitteredBackoffMs(backoff: Backoff, failures: number, random: Random): number {
  return backoffMs(backoff, failures) * (1 + random.next());
}
