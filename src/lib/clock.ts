// Time is given, never taken: every component that needs the time or a timer gets a Clock.

/** A timer that was set and can be cancelled; cancelling twice or after it fired does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z; may jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds that only ever grow, for durations. */
  monotonicMs(): number;
  /** Calls `fire` once after `delayMs`. A timer never keeps the process alive. */
  setTimer(delayMs: number, fire: () => void): Timer;
}

/** The longest delay that setTimeout takes without firing at once. */
const delayMsMax = 2 ** 31 - 1;

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, fire) {
    const handle = setTimeout(fire, Math.min(Math.max(0, delayMs), delayMsMax));
    // In a browser the handle is a number and has no unref.
    if (typeof handle === "object") handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Keeps the program alive until it is cancelled, which no timer of a Clock does. */
export function keepAlive(): Timer {
  const handle = setInterval(() => {}, delayMsMax);
  return { cancel: () => clearInterval(handle) };
}

/** Resolves after `delayMs`; rejects with the signal's reason when it is aborted first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Resolves after `delayMs`, or when the signal is aborted: for loops that look at the signal themselves. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return sleep(clock, delayMs, signal).catch(() => {
    // Nothing but the signal ends a sleep early.
  });
}

/** Resolves when the work is done, or after `ms` while it goes on. Rejects when it fails before. */
export async function waitAtMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  await Promise.race([work, pause(clock, ms, done.signal)]).finally(() => done.abort());
}

let lastSecond = Number.NaN;
let lastTimestamp = "";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The time as Kubernetes writes metav1.Time: RFC 3339, UTC, whole seconds. */
export function timestamp(epochMs: number): string {
  const second = Math.floor(epochMs / 1000);
  // Many objects are written in one second, and printing a date costs as much as all else that is done for its metadata.
  if (second !== lastSecond) {
    lastSecond = second;
    // In one piece: V8 writes a whole object as JSON half as fast when one text in it was put together from parts.
    lastTimestamp = decoder.decode(encoder.encode(`${new Date(second * 1000).toISOString().slice(0, 19)}Z`));
  }
  return lastTimestamp;
}

/** The time as Kubernetes writes metav1.MicroTime: RFC 3339, UTC, microseconds. */
export function microTimestamp(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 23)}000Z`;
}
