import type { Clock, Timer } from "../../lib/index.ts";

interface Wait {
  readonly untilMs: number;
  readonly late: () => void;
}

/** Many waits of one length: one timer is enough, for the oldest, which is always the next to be late. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #lengthMs: number;
  /** In the order in which they began. */
  readonly #waits = new Set<Wait>();
  #timer: Timer | undefined;

  constructor(clock: Clock, lengthMs: number) {
    this.#clock = clock;
    this.#lengthMs = lengthMs;
  }

  /** Calls `late` when the time is over before the wait is cancelled. */
  begin(late: () => void): Timer {
    const wait = { untilMs: this.#clock.monotonicMs() + this.#lengthMs, late };
    this.#waits.add(wait);
    this.#timer ??= this.#clock.setTimer(this.#lengthMs, this.#due);
    return { cancel: () => this.#waits.delete(wait) };
  }

  readonly #due = () => {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (const wait of this.#waits) {
      if (wait.untilMs > nowMs) {
        this.#timer = this.#clock.setTimer(wait.untilMs - nowMs, this.#due);
        return;
      }
      this.#waits.delete(wait);
      wait.late();
    }
  };
}
