import type { Clock, Timer } from "../lib/index.ts";
import { type Backoff, backoffMs } from "./backoff.ts";
import type { Key } from "./controller.ts";
import type { QueueSeries } from "./work-queue-metrics.ts";

/**
 * The pauses of a key that fails: those of client-go's default limiter, but to five minutes instead of 1000 s, so that
 * what was mended is noticed before its owner gives up.
 */
const failureBackoff: Backoff = { firstMs: 5, maxMs: 300_000 };

/**
 * The keys that want work, each at most once, in the order in which they came. A key that is being worked on and is
 * added again waits until that work is done, and until its rest is over: it is never taken twice at once.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #onReady: () => void;
  readonly #series: QueueSeries | undefined;
  /** Waiting to be taken, and since when. A Map keeps the order of insertion. */
  readonly #ready = new Map<Key, number>();
  /** Where taking has come to. An iterator that begins goes past the places of all that were taken before. */
  #inOrder = this.#ready.entries();
  /** Since when. */
  readonly #taken = new Map<Key, number>();
  /** The rests of keys whose work is done, and whether they were added meanwhile. They count as taken. */
  readonly #rests = new Map<Key, { readonly timer: Timer; isDisturbed: boolean }>();
  /** Added while taken. */
  readonly #again = new Set<Key>();
  /** How long the last rest was of those that were added in it. */
  readonly #bursts = new Map<Key, number>();
  readonly #delayed = new Map<Key, { readonly atMs: number; readonly timer: Timer }>();
  readonly #failures = new Map<Key, number>();
  #closed = false;

  /** `onReady` is called when a key can be taken that could not before. */
  constructor(clock: Clock, onReady: () => void, series?: QueueSeries) {
    this.#clock = clock;
    this.#onReady = onReady;
    this.#series = series;
    series?.observeWork(() =>
      [...this.#taken].flatMap(([key, sinceMs]) =>
        this.#rests.has(key) ? [] : [(clock.monotonicMs() - sinceMs) / 1000],
      ),
    );
  }

  /** How many keys could be taken now. */
  get size(): number {
    return this.#ready.size;
  }

  /** How many keys are waiting, delayed or being worked on. */
  get pending(): number {
    return this.#ready.size + this.#taken.size - this.#rests.size + this.#delayed.size;
  }

  /** How many keys were added in their last rest. */
  get restless(): number {
    return this.#bursts.size;
  }

  add(key: Key): void {
    if (this.#closed) return;
    this.#cancelDelay(key);
    if (this.#taken.has(key)) {
      this.#again.add(key);
      const rest = this.#rests.get(key);
      if (rest) rest.isDisturbed = true;
      return;
    }
    if (this.#ready.has(key)) return;
    this.#ready.set(key, this.#clock.monotonicMs());
    this.#series?.adds.add();
    this.#series?.depth.add();
    this.#onReady();
  }

  /** Adds the key after `delayMs`; of several delays the earliest counts, and any earlier add makes it void. */
  addAfter(key: Key, delayMs: number): void {
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    if (this.#closed || this.#ready.has(key) || this.#again.has(key)) return;
    const atMs = this.#clock.monotonicMs() + delayMs;
    const earlier = this.#delayed.get(key);
    if (earlier && earlier.atMs <= atMs) return;
    earlier?.timer.cancel();
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { atMs, timer });
  }

  /** Adds the key after a pause that doubles with every call until `forget`. */
  addAfterFailure(key: Key): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#series?.retries.add();
    this.addAfter(key, backoffMs(failureBackoff, failures));
  }

  /** The key's last work succeeded. */
  forget(key: Key): void {
    this.#failures.delete(key);
  }

  /** The next key; it is not given out again before `done`. */
  take(): Key | undefined {
    if (this.#ready.size === 0) return undefined;
    let next = this.#inOrder.next();
    if (next.done) {
      // It has ended for good, whatever was added since.
      this.#inOrder = this.#ready.entries();
      next = this.#inOrder.next();
    }
    if (next.done) return undefined;
    const [key, sinceMs] = next.value;
    this.#ready.delete(key);
    this.#series?.depth.add(-1);
    const nowMs = this.#clock.monotonicMs();
    this.#series?.waited.observe((nowMs - sinceMs) / 1000);
    this.#taken.set(key, nowMs);
    return key;
  }

  /**
   * The key's work is done; what is added to it in the next `restMs` comes out once, after that. A key that is added in
   * every rest rests twice as long each time, up to `restMsMax`.
   */
  done(key: Key, restMs = 0, restMsMax = restMs): void {
    if (this.#closed || restMs <= 0) {
      this.#taken.delete(key);
      if (this.#again.delete(key)) this.add(key);
      return;
    }
    const ms = Math.min(restMsMax, Math.max(restMs, 2 * (this.#bursts.get(key) ?? 0)));
    const timer = this.#clock.setTimer(ms, () => {
      if (rest.isDisturbed) this.#bursts.set(key, ms);
      else this.#bursts.delete(key);
      this.#rests.delete(key);
      this.done(key);
    });
    const rest = { timer, isDisturbed: false };
    this.#rests.set(key, rest);
  }

  /** Drops everything; nothing can be added any more. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#delayed.values()) timer.cancel();
    for (const { timer } of this.#rests.values()) timer.cancel();
    this.#delayed.clear();
    this.#rests.clear();
    this.#taken.clear();
    this.#ready.clear();
    this.#again.clear();
    this.#bursts.clear();
    this.#failures.clear();
  }

  #cancelDelay(key: Key): void {
    this.#delayed.get(key)?.timer.cancel();
    this.#delayed.delete(key);
  }
}
