import { Compacted, type Revision } from "./storage.ts";
import type { CacheEvent, CacheWatch } from "./watch-cache.ts";

export interface CacheWatcherOptions {
  /** Only events after this revision are handed over. */
  readonly after: Revision;
  /** The events after it that came before the watch. */
  readonly pending: CacheEvent[];
  /** How many events may wait for the reader. */
  readonly eventsMax: number;
  /** The revision up to which all events were pushed. */
  readonly applied: () => Revision;
  readonly signal: AbortSignal;
  /** Runs what it is given after the code that is running, in one turn with what others give it. */
  readonly defer: (run: () => void) => void;
  /** Called once, when no more events are wanted, with the error of who cannot have them. */
  readonly onEnd: (watcher: CacheWatcher, error: unknown) => void;
}

/** One watch on a resource: the events that its reader has not taken yet, bounded. */
export class CacheWatcher implements CacheWatch, AsyncIterator<readonly CacheEvent[]> {
  readonly ended: Promise<void>;
  readonly #options: CacheWatcherOptions;
  readonly #resolveEnded: () => void;
  #pending: CacheEvent[];
  #resolve: ((result: IteratorResult<readonly CacheEvent[]>) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #woken = false;
  #ended = false;
  #error: unknown;

  constructor(options: CacheWatcherOptions) {
    this.#options = options;
    this.#pending = options.pending;
    ({ promise: this.ended, resolve: this.#resolveEnded } = Promise.withResolvers<void>());
    options.signal.addEventListener("abort", this.#abort, { once: true });
  }

  get delivered(): Revision {
    const first = this.#pending[0];
    return first === undefined ? this.#options.applied() : first.revision - 1;
  }

  push(event: CacheEvent): void {
    if (this.#ended || event.revision <= this.#options.after) return;
    if (this.#pending.length >= this.#options.eventsMax) {
      this.end(new Compacted(this.delivered, event.revision));
      return;
    }
    this.#pending.push(event);
    // The reader runs after the code that pushes, and so takes everything that is pushed at once.
    if (this.#resolve && this.#pending.length === 1) this.#options.defer(this.#hand);
  }

  wake(): void {
    if (!this.#resolve || this.#woken) return;
    this.#woken = true;
    if (this.#pending.length === 0) this.#options.defer(this.#hand);
  }

  /** Ends the watch after nothing more, or with an error; what was not taken is dropped. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#pending = [];
    this.#options.signal.removeEventListener("abort", this.#abort);
    this.#options.onEnd(this, error);
    this.#resolveEnded();
    const [resolve, reject] = [this.#resolve, this.#reject];
    this.#resolve = this.#reject = undefined;
    if (error !== undefined) reject?.(error);
    else resolve?.({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly CacheEvent[]> {
    return this;
  }

  next(): Promise<IteratorResult<readonly CacheEvent[]>> {
    if (this.#ended) {
      const error = this.#error;
      this.#error = undefined;
      return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
    }
    if (this.#pending.length > 0) return Promise.resolve({ done: false, value: this.#take() });
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  return(): Promise<IteratorResult<readonly CacheEvent[]>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  readonly #abort = () => this.end();

  readonly #hand = () => {
    const resolve = this.#resolve;
    if (resolve === undefined || (this.#pending.length === 0 && !this.#woken)) return;
    this.#woken = false;
    this.#resolve = this.#reject = undefined;
    resolve({ done: false, value: this.#take() });
  };

  #take(): readonly CacheEvent[] {
    const events = this.#pending;
    this.#pending = [];
    return events;
  }
}
