import { type Clock, errorMessage, Heap, isAbort, type Logger, sleep, type Timer } from "../lib/index.ts";
import { registryPrefix, resourcePrefixOf } from "./keys.ts";
import { RecentBytes } from "./recent-bytes.ts";
import { ResourceState, type ResourceStateOptions } from "./resource-state.ts";
import { Compacted, type Entry, type Revision, type Snapshot, type Storage, type StorageEvent } from "./storage.ts";
import type { CacheCounts, ResourceCache, WatchCache } from "./watch-cache.ts";

export interface WatchCacheOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** How many recent events of each resource a watch may start from. */
  readonly ringEventsMax?: number;
  /** How many events a watch may fall behind before it is ended. */
  readonly watcherEventsMax?: number;
  /** Whether objects are frozen all the way down, so that a stray write throws: for development and tests. */
  readonly freeze?: boolean;
}

const ringEventsMaxDefault = 10_000;
const watcherEventsMaxDefault = 10_000;
/** The compaction interval of Kubernetes' API server (--etcd-compaction-interval): older events are promised to nobody. */
const eventAgeMsMax = 5 * 60_000;
const expiryPeriodMs = 60_000;
const retryDelayMs = 1_000;

/** Loads everything that `storage` holds and follows its changes until closed; resolves when it is loaded. */
export async function startWatchCache(storage: Storage, options: WatchCacheOptions): Promise<WatchCache> {
  const snapshot = await storage.range(registryPrefix);
  return new StorageWatchCache(storage, snapshot, options);
}

/** One microtask for all that wait: one for each of a thousand watchers costs more than what they do in it. */
function deferred(): (run: () => void) => void {
  let waiting: (() => void)[] = [];
  const runAll = () => {
    const all = waiting;
    waiting = [];
    for (const run of all) run();
  };
  return (run) => {
    if (waiting.push(run) === 1) queueMicrotask(runAll);
  };
}

interface Waiter {
  readonly revision: Revision;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
  readonly cleanUp: () => void;
  done: boolean;
}

class StorageWatchCache implements WatchCache {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #resourceOptions: ResourceStateOptions;
  readonly #resources = new Map<string, ResourceState>();
  readonly #waiters = new Heap<Waiter>((a, b) => a.revision - b.revision);
  /** How many of the waiters have given up. Those of a revision that never comes would stay in the heap for ever. */
  #abandoned = 0;
  readonly #closing = new AbortController();
  readonly #following: Promise<void>;
  /** The revision of the last load: changes before it were not seen one by one. */
  #loaded: Revision;
  #expiry: Timer;
  #revision: Revision;
  #compacted: Revision = 0;
  /** What was applied at a time; when that is long enough ago, what was before is compacted. */
  #checkpoint: { readonly revision: Revision; readonly atMs: number };

  constructor(storage: Storage, snapshot: Snapshot, options: WatchCacheOptions) {
    this.#storage = storage;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#revision = this.#loaded = snapshot.revision;
    this.#resourceOptions = {
      ringEventsMax: options.ringEventsMax ?? ringEventsMaxDefault,
      watcherEventsMax: options.watcherEventsMax ?? watcherEventsMaxDefault,
      freeze: options.freeze ?? false,
      recentBytes: new RecentBytes(),
      applied: () => this.#revision,
      defer: deferred(),
    };
    for (const entry of snapshot.entries) this.#resourceOf(entry.key).load(entry);
    this.#checkpoint = { revision: this.#revision, atMs: this.#clock.monotonicMs() };
    this.#expiry = this.#clock.setTimer(expiryPeriodMs, this.#expire);
    this.#following = this.#follow();
  }

  get revision(): Revision {
    return this.#revision;
  }

  get compacted(): Revision {
    return this.#compacted;
  }

  resource(prefix: string): ResourceCache {
    return this.#resource(prefix);
  }

  forgetBytes(): void {
    this.#resourceOptions.recentBytes.forgetAll();
  }

  *counts(): Generator<readonly [string, CacheCounts]> {
    for (const [prefix, resource] of this.#resources) yield [prefix, resource.counts];
  }

  waitFor(revision: Revision, signal?: AbortSignal): Promise<void> {
    if (revision <= this.#revision) return Promise.resolve();
    if (this.#closing.signal.aborted) return Promise.reject(this.#closing.signal.reason);
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        waiter.done = true;
        reject(signal?.reason);
        if (++this.#abandoned * 2 > this.#waiters.size) this.#dropAbandoned();
      };
      const cleanUp = () => signal?.removeEventListener("abort", onAbort);
      const waiter: Waiter = { revision, resolve, reject, cleanUp, done: false };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiters.push(waiter);
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#expiry.cancel();
    await this.#following;
    for (const resource of this.#resources.values()) resource.endWatches();
    for (let waiter = this.#waiters.pop(); waiter; waiter = this.#waiters.pop()) {
      waiter.cleanUp();
      if (!waiter.done) waiter.reject(this.#closing.signal.reason);
    }
  }

  /** Applies what the storage tells until the cache is closed. */
  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        for await (const events of this.#storage.watch(registryPrefix, this.#revision, signal)) {
          this.#apply(events, events.at(-1)!.revision);
        }
        // Only a storage that was closed ends its watches.
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#log.warn("the watch on the storage failed; trying again", { error: errorMessage(error) });
        if (error instanceof Compacted) await this.#reload();
        else await this.#pause();
      }
    }
  }

  /** Takes over the present state after events were missed, as the changes that lead to it. */
  async #reload(): Promise<void> {
    try {
      const { revision, entries } = await this.#storage.range(registryPrefix);
      const present = new Map<ResourceState, Map<string, Entry>>();
      for (const resource of this.#resources.values()) present.set(resource, new Map());
      for (const entry of entries) {
        const resource = this.#resourceOf(entry.key);
        present.getOrInsertComputed(resource, () => new Map()).set(entry.key, entry);
      }
      const changes = [...present].flatMap(([resource, keys]) => resource.difference(keys, revision));
      changes.sort((a, b) => a.revision - b.revision);
      this.#apply(changes, revision);
      this.#loaded = revision;
      for (const resource of this.#resources.values()) resource.forgetHistory(revision);
    } catch (error) {
      this.#log.warn("reading the storage failed; trying again", { error: errorMessage(error) });
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    try {
      await sleep(this.#clock, retryDelayMs, this.#closing.signal);
    } catch (error) {
      if (!isAbort(error)) throw error; // closed while waiting: the loop ends by itself
    }
  }

  /** Applies changes in order; everything up to `revision` is applied then. */
  #apply(changes: readonly StorageEvent[], revision: Revision): void {
    const nowMs = this.#clock.monotonicMs();
    for (const change of changes) this.#resourceOf(change.key).apply(change, nowMs);
    this.#revision = revision;
    for (let waiter = this.#waiters.peek(); waiter && waiter.revision <= revision; waiter = this.#waiters.peek()) {
      this.#waiters.pop();
      waiter.cleanUp();
      if (waiter.done) this.#abandoned--;
      else waiter.resolve();
    }
  }

  /** Costs as much as pushing those that stay; it comes once for as many that gave up. */
  #dropAbandoned(): void {
    this.#waiters.keep(({ done }) => !done);
    this.#abandoned = 0;
  }

  #resourceOf(key: string): ResourceState {
    return this.#resource(resourcePrefixOf(key));
  }

  #resource(prefix: string): ResourceState {
    return this.#resources.getOrInsertComputed(
      prefix,
      () => new ResourceState(prefix, this.#loaded, this.#resourceOptions),
    );
  }

  readonly #expire = () => {
    const nowMs = this.#clock.monotonicMs();
    for (const resource of this.#resources.values()) resource.expire(nowMs - eventAgeMsMax);
    if (nowMs - this.#checkpoint.atMs >= eventAgeMsMax) {
      void this.#compact(this.#checkpoint.revision);
      this.#checkpoint = { revision: this.#revision, atMs: nowMs };
    }
    this.#expiry = this.#clock.setTimer(expiryPeriodMs, this.#expire);
  };

  async #compact(before: Revision): Promise<void> {
    this.#compacted = before;
    try {
      await this.#storage.compact(before);
    } catch (error) {
      // It only saves room, and is tried again in five minutes.
      if (!this.#closing.signal.aborted) this.#log.warn("compaction failed", { error: errorMessage(error) });
    }
  }
}
