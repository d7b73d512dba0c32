import { Compacted, type Revision, type StorageEvent } from "./storage.ts";

/** How many events a driver keeps, unless told otherwise, for readers that have not read them yet. */
export const historyEventsMax = 4_096;

interface Reader {
  /** The first revision that it may not have read to the end. */
  next: Revision;
}

/**
 * The events of recent commits in memory. Readers have no queue of their own: each keeps its place in this one. What all
 * of them have read is let go, while it is young: kept on, thousands of values would be moved to V8's old generation to die
 * there, and it would be collected several times as often.
 */
export class History {
  readonly #eventsMax: number;
  /** `#commits[i]` are the events of revision `#first + i`. */
  #commits: (readonly StorageEvent[])[] = [];
  #first: Revision;
  #eventCount = 0;
  readonly #readers = new Set<Reader>();
  #closed = false;
  #wake: (() => void)[] = [];

  /** `revision` is that of the state from which history starts. */
  constructor(revision: Revision, eventsMax = historyEventsMax) {
    this.#first = revision + 1;
    this.#eventsMax = eventsMax;
  }

  /** The oldest revision that is kept; the next one when none is. */
  get oldest(): Revision {
    return this.#first;
  }

  /** Adds the commits that follow the last one, oldest first, and lets the oldest events go when there are too many. */
  append(commits: readonly (readonly StorageEvent[])[]): void {
    for (const events of commits) {
      this.#commits.push(events);
      this.#eventCount += events.length;
    }
    // Dropping moves what stays, so it waits until a tenth is too much.
    if (this.#eventCount > this.#eventsMax * 1.1) this.#drop(this.#excess());
    this.#wakeAll();
  }

  /** Forgets the commits before `before`. */
  compact(before: Revision): void {
    this.#drop(Math.max(0, Math.min(before - this.#first, this.#commits.length)));
  }

  /** Ends all readers. */
  close(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  async *watch(prefix: string, after: Revision, signal: AbortSignal): AsyncGenerator<readonly StorageEvent[]> {
    const wake = () => this.#wakeAll();
    signal.addEventListener("abort", wake);
    const reader: Reader = { next: after + 1 };
    this.#readers.add(reader);
    try {
      while (!this.#closed && !signal.aborted) {
        if (reader.next < this.#first) throw new Compacted(reader.next - 1, this.#first);
        const end = this.#first + this.#commits.length;
        const events = this.#between(reader.next, end, prefix);
        if (events.length > 0) yield events;
        else await new Promise<void>((resolve) => this.#wake.push(resolve));
        reader.next = Math.max(reader.next, end);
        this.compact(Math.min(...this.#readers.values().map(({ next }) => next)));
      }
    } finally {
      signal.removeEventListener("abort", wake);
      this.#readers.delete(reader);
    }
  }

  #between(first: Revision, end: Revision, prefix: string): StorageEvent[] {
    const events: StorageEvent[] = [];
    for (let revision = first; revision < end; revision++) {
      for (const event of this.#commits[revision - this.#first]!) if (event.key.startsWith(prefix)) events.push(event);
    }
    return events;
  }

  /** How many commits have to go; the last one stays, however large. */
  #excess(): number {
    let commits = 0;
    for (let events = this.#eventCount; events > this.#eventsMax && commits < this.#commits.length - 1; commits++) {
      events -= this.#commits[commits]!.length;
    }
    return commits;
  }

  #drop(count: number): void {
    for (let i = 0; i < count; i++) this.#eventCount -= this.#commits[i]!.length;
    this.#commits.splice(0, count);
    this.#first += count;
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const resolve of waiting) resolve();
  }
}
