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
  #startMs: number;
  #sequence = 0;
  #pending = new Heap<Pending>((a, b) => a.atMs - b.atMs || a.sequence - b.sequence);

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  now(): number {
    return this.#nowMs;
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

  /** Moves time forward by `durationMs`, firing each timer at its instant and letting what it woke run before the next. */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await settle();
    for (let next = this.#pending.peek(); next && next.atMs <= untilMs; next = this.#pending.peek()) {
      this.#pending.pop();
      if (next.cancelled) continue;
      this.#nowMs = next.atMs;
      next.fire();
      await settle();
    }
    this.#nowMs = untilMs;
  }
}

/** Lets the promises that are ready run. */
export async function settle(): Promise<void> {
  for (let round = 0; round < settleRounds; round++) await Promise.resolve();
}
