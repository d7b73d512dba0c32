import type { Clock, Timer } from "../../lib/index.ts";

interface Wait {
  readonly untilMs: number;
  readonly late: () => void;
  before: Wait | undefined;
  after: Wait | undefined;
}

/**
 * Many waits of one length: one timer is enough, for the oldest, which is always the next to be late. They are a list in
 * which each knows its neighbours: a Set makes itself anew for every few that come and go.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #lengthMs: number;
  #oldest: Wait | undefined;
  #newest: Wait | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, lengthMs: number) {
    this.#clock = clock;
    this.#lengthMs = lengthMs;
  }

  /** Calls `late` when the time is over before the wait is cancelled. */
  begin(late: () => void): Timer {
    const untilMs = this.#clock.monotonicMs() + this.#lengthMs;
    const wait: Wait = { untilMs, late, before: this.#newest, after: undefined };
    if (this.#newest) this.#newest.after = wait;
    else this.#oldest = wait;
    this.#newest = wait;
    this.#timer ??= this.#clock.setTimer(this.#lengthMs, this.#due);
    return { cancel: () => this.#remove(wait) };
  }

  readonly #due = () => {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (let wait = this.#oldest; wait; wait = this.#oldest) {
      if (wait.untilMs > nowMs) {
        this.#timer = this.#clock.setTimer(wait.untilMs - nowMs, this.#due);
        return;
      }
      this.#remove(wait);
      wait.late();
    }
  };

  /** Does nothing to one that is not there any more. */
  #remove(wait: Wait): void {
    const { before, after } = wait;
    if (before ? before.after !== wait : this.#oldest !== wait) return;
    if (before) before.after = after;
    else this.#oldest = after;
    if (after) after.before = before;
    else this.#newest = before;
  }
}
