import { byRevision, checkChanges } from "./commit-check.ts";
import { History, historyEventsMax } from "./history.ts";
import {
  type Change,
  type Entry,
  type Revision,
  type Snapshot,
  type Storage,
  StorageClosed,
  type StorageEvent,
} from "./storage.ts";
import { checkValueSize, isCertainlySmall } from "./value-size.ts";

export interface MemoryStorageOptions {
  /** How many events are kept for watches. */
  readonly historyEventsMax?: number;
}

/** Storage that lives as long as the process: for tests, simulation and embedding. */
export class MemoryStorage implements Storage {
  readonly #entries = new Map<string, Entry>();
  readonly #history: History;
  #revision: Revision = 0;
  #closed = false;

  constructor(options: MemoryStorageOptions = {}) {
    this.#history = new History(0, options.historyEventsMax ?? historyEventsMax);
  }

  get revision(): Revision {
    return this.#revision;
  }

  get compacted(): Revision {
    return this.#history.oldest;
  }

  async range(prefix: string): Promise<Snapshot> {
    this.#assertOpen();
    const entries = [...this.#entries.values()].filter((entry) => entry.key.startsWith(prefix));
    entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    return { revision: this.#revision, entries };
  }

  async commit(changes: readonly Change[]): Promise<Revision> {
    this.#assertOpen();
    for (const { value } of changes) if (value && !isCertainlySmall(value)) checkValueSize(value);
    checkChanges(changes, (key) => this.#entries.get(key)?.modRevision ?? 0);
    const commits: StorageEvent[][] = [];
    for (const group of byRevision(changes.filter(({ key, value }) => value !== undefined || this.#entries.has(key)))) {
      const revision = ++this.#revision;
      commits.push(group.map((change) => this.#change(change, revision)));
    }
    this.#history.append(commits);
    return this.#revision;
  }

  #change({ key, value }: Change, revision: Revision): StorageEvent {
    const createRevision = this.#entries.get(key)?.createRevision ?? revision;
    const entry = value && { key, value, createRevision, modRevision: revision };
    if (!entry) {
      this.#entries.delete(key);
      return { key, revision };
    }
    this.#entries.set(key, entry);
    return { key, revision, entry };
  }

  watch(prefix: string, after: Revision, signal: AbortSignal): AsyncIterable<readonly StorageEvent[]> {
    this.#assertOpen();
    return this.#history.watch(prefix, after, signal);
  }

  async compact(before: Revision): Promise<void> {
    this.#assertOpen();
    this.#history.compact(before);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#history.close();
  }

  #assertOpen(): void {
    if (this.#closed) throw new StorageClosed();
  }
}
