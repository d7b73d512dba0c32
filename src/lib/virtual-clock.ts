import type { Clock, Timer } from "./clock.ts";
import { Heap } from "./heap.ts";

interface Pending {
  readonly atMs: number;
  readonly sequence: number;
  readonly fire: () => void;
  cancelled: boolean;
}

/** Rounds of the microtask queue that `settle` lets pass; promise chains between two timers are shorter than this. */
const settleRounds = 50;

/** A clock that stands still until a test or a simulation moves it. Timers due at one instant fire in the order they were set. */
export class VirtualClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  readonly #settle: () => Promise<void>;
  #leaptMs = 0;
  #sequence = 0;
  #pending = new Heap<Pending>((a, b) => a.atMs - b.atMs || a.sequence - b.sequence);

  /**
   * `settled` lets what a timer woke run to its end. Rounds of promises are enough for one component; whole clusters take
   * `macrotask`.
   */
  constructor(startMs = Date.UTC(2026, 0, 1), settled = settle) {
    this.#startMs = startMs;
    this.#nowMs = startMs;
    this.#settle = settled;
  }

  now(): number {
    return this.#nowMs + this.#leaptMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const pending: Pending = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      sequence: this.#sequence++,
      fire,
      cancelled: false,
    };
    this.#pending.push(pending);
    return {
      cancel: () => {
        pending.cancelled = true;
      },
    };
  }

  /** Sets the clock forward, or back: no time passes, and timers do not notice. */
  leap(byMs: number): void {
    this.#leaptMs += byMs;
  }

  /** Moves time forward by `durationMs`, firing each timer at its instant and letting what it woke run before the next. */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await this.#settle();
    for (let next = this.#pending.peek(); next && next.atMs <= untilMs; next = this.#pending.peek()) {
      this.#pending.pop();
      if (next.cancelled) continue;
      this.#nowMs = next.atMs;
      next.fire();
      await this.#settle();
    }
    this.#nowMs = untilMs;
  }
}

/** Lets the promises that are ready run. */
export async function settle(): Promise<void> {
  for (let round = 0; round < settleRounds; round++) await Promise.resolve();
}

/** Resolves in a later turn of the event loop: all promises that could go on have done so, however long their chains. */
export function macrotask(): Promise<void> {
  // Browsers have no setImmediate, and delay nested timeouts by milliseconds.
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
