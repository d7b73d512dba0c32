import { Compacted, type Revision } from "./storage.ts";
import type { CacheEvent } from "./watch-cache.ts";

/** The recent events of one resource, oldest first, each with the time at which it came. */
export class EventRing {
  readonly #eventsMax: number;
  #events: CacheEvent[] = [];
  #timesMs: number[] = [];
  /** Where the oldest event is in the arrays; what is before it was dropped. */
  #head = 0;
  #oldest: Revision;

  /** `after` is the revision of the state from which the ring starts. */
  constructor(after: Revision, eventsMax: number) {
    this.#oldest = after + 1;
    this.#eventsMax = eventsMax;
  }

  push(event: CacheEvent, nowMs: number): void {
    this.#events.push(event);
    this.#timesMs.push(nowMs);
    if (this.#events.length - this.#head > this.#eventsMax) this.#drop();
  }

  /** Drops the events that came before `timeMs`. */
  expire(timeMs: number): void {
    while (this.#head < this.#events.length && this.#timesMs[this.#head]! < timeMs) this.#drop();
  }

  /** Forgets everything: what happens up to `revision` was not seen one by one. */
  reset(revision: Revision): void {
    this.#events = [];
    this.#timesMs = [];
    this.#head = 0;
    this.#oldest = revision + 1;
  }

  /** The events after `after`; throws Compacted when some of them are not here any more. */
  since(after: Revision): CacheEvent[] {
    if (after + 1 < this.#oldest) throw new Compacted(after, this.#oldest);
    let low = this.#head;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#events[middle]!.revision <= after) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low);
  }

  #drop(): void {
    this.#oldest = this.#events[this.#head]!.revision + 1;
    this.#head++;
    // Moving the rest to the front costs its length, so it is done once for that many drops.
    if (this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#timesMs = this.#timesMs.slice(this.#head);
      this.#head = 0;
    }
  }
}
