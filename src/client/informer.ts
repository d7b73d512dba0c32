import { ApiError, type KubeObject, type ResourceReference } from "../api/index.ts";
import { type Clock, errorMessage, type Logger, type Random, SortedMap, sleep } from "../lib/index.ts";
import { type Backoff, jitteredBackoffMs } from "./backoff.ts";
import type { Client } from "./client.ts";
import { type Key, keyOf } from "./controller.ts";

/** Which part of a resource an informer keeps. */
export interface Selection {
  readonly namespace?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface InformerEnvironment {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Stops the informers. */
  readonly signal: AbortSignal;
}

/** A change as the cache saw it: it holds `object` already. A delete gives the last state that was seen. */
export type InformerEvent<T extends KubeObject> =
  | { readonly type: "add"; readonly object: T }
  | { readonly type: "update"; readonly object: T; readonly old: T }
  | { readonly type: "delete"; readonly object: T };

export type InformerHandler<T extends KubeObject> = (event: InformerEvent<T>) => void;

interface Index<T extends KubeObject> {
  readonly values: (object: T) => Iterable<string>;
  readonly buckets: Map<string, SortedMap<T>>;
}

interface Waiter {
  readonly condition: () => boolean;
  readonly resolve: () => void;
}

/** The pauses after a list or a watch failed; client-go's reflector goes to 30 s as well. */
const retryBackoff: Backoff = { firstMs: 100, maxMs: 30_000 };
/** A watch that ends sooner than this counts as failed, so that a server that ends all watches at once is not hammered. */
const healthyWatchMs = 1_000;

/** Whether an error says that the history after a resourceVersion is gone: list again. */
function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.code === 410;
}

/**
 * A local copy of one resource, kept by list and watch. Handlers run in the order of the changes, after the copy holds
 * them. With the in-process client the objects are those of the server's cache: a copy costs its maps.
 */
export class Informer<T extends KubeObject = KubeObject> {
  readonly resource: ResourceReference<T>;
  readonly selection: Selection;
  readonly #environment: InformerEnvironment;
  readonly #objects = new Map<Key, T>();
  readonly #ordered = new SortedMap<T>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #handlers = new Set<InformerHandler<T>>();
  readonly #waiters = new Set<Waiter>();
  readonly #stopping = new AbortController();
  #resourceVersion: string | undefined;
  #hasSynced = false;

  /** Starts at once and ends with `stop` or with the environment's signal. */
  constructor(resource: ResourceReference<T>, selection: Selection, environment: InformerEnvironment) {
    this.resource = resource;
    this.selection = selection;
    this.#environment = environment;
    const { signal } = environment;
    // A signal made of others, which asks them each time it is asked, was a twentieth of the start of a cluster.
    const stop = () => this.#stopping.abort(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true, signal: this.#signal });
    void this.#run();
  }

  get #signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Ends this informer; what is cached stays as it is. */
  stop(): void {
    this.#stopping.abort();
    this.#wakeWaiters();
  }

  /** Whether nothing more comes. */
  get stopped(): boolean {
    return this.#signal.aborted;
  }

  /** Whether the first list is in the cache. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** The version up to which every change is in the cache; 0 before the first list. */
  get revision(): number {
    return Number(this.#resourceVersion ?? 0);
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: Key): T | undefined {
    return this.#objects.get(key);
  }

  /** All objects, or those of one namespace, in the order of their keys. The array never changes. */
  list(namespace?: string): readonly T[] {
    if (namespace === undefined) return this.#ordered.list();
    // Keys with one prefix are neighbours; "0" is the character after "/".
    return this.#ordered.range(`${namespace}/`, `${namespace}0`);
  }

  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name);
    if (!index) throw new Error(`the informer of ${this.resource.plural} has no index ${name}`);
    return index.buckets.get(value)?.list() ?? [];
  }

  hasIndex(name: string): boolean {
    return this.#indexes.has(name);
  }

  /** Files every object under the values that `values` gives for it. A second index of the same name is ignored. */
  addIndex(name: string, values: (object: T) => Iterable<string>): void {
    if (this.#indexes.has(name)) return;
    const index: Index<T> = { values, buckets: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) fileUnder(index, key, object);
  }

  /** Calls `handler` for everything that is cached now, as added, and for every change. Returns what ends that. */
  addHandler(handler: InformerHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#ordered.list()) this.#call(handler, { type: "add", object });
    return () => {
      this.#handlers.delete(handler);
    };
  }

  /** Resolves when the first list is in the cache, or when the informer is stopped before. */
  async synced(): Promise<void> {
    await this.waitUntil(() => this.#hasSynced, this.#signal).catch((error: unknown) => {
      // Being stopped is the other thing that ends the wait.
      if (!this.#signal.aborted) throw error;
    });
  }

  /** Resolves when `condition` holds, which is asked after every change and at the end; rejects with the signal's reason. */
  waitUntil(condition: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (condition()) {
        resolve();
        return;
      }
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const waiter: Waiter = {
        condition,
        resolve: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = () => {
        this.#waiters.delete(waiter);
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  async #run(): Promise<void> {
    const { clock, random, log } = this.#environment;
    const signal = this.#signal;
    let failures = 0;
    while (!signal.aborted) {
      let watchedSinceMs: number | undefined;
      try {
        if (this.#resourceVersion === undefined) await this.#list();
        watchedSinceMs = clock.monotonicMs();
        await this.#watch();
      } catch (error) {
        if (signal.aborted) return;
        if (isGone(error)) this.#resourceVersion = undefined;
        log.debug("informer starts over", { resource: this.resource.plural, error: errorMessage(error) });
        if (failures === 5) {
          log.warn("informer cannot read its resource", { resource: this.resource.plural, error: errorMessage(error) });
        }
      }
      const healthy = watchedSinceMs !== undefined && clock.monotonicMs() - watchedSinceMs >= healthyWatchMs;
      failures = healthy ? 0 : failures + 1;
      if (failures === 0) continue;
      try {
        await sleep(clock, jitteredBackoffMs(retryBackoff, failures - 1, random), signal);
      } catch {
        // Only the signal ends a sleep early: the informer is stopped.
        return;
      }
    }
  }

  async #list(): Promise<void> {
    const { client } = this.#environment;
    const signal = this.#signal;
    const list = await client.list(this.resource, { ...this.selection, signal });
    const present = new Set<Key>();
    this.#resourceVersion = list.metadata.resourceVersion ?? "0";
    for (const object of list.items) {
      const key = keyOf(object);
      present.add(key);
      this.#apply(key, object);
    }
    for (const key of [...this.#objects.keys()]) if (!present.has(key)) this.#remove(key, undefined);
    this.#hasSynced = true;
    this.#wakeWaiters();
  }

  async #watch(): Promise<void> {
    const { client } = this.#environment;
    const signal = this.#signal;
    const events = client.watch(this.resource, {
      ...this.selection,
      ...(this.#resourceVersion === undefined ? {} : { resourceVersion: this.#resourceVersion }),
      allowWatchBookmarks: true,
      signal,
    });
    for await (const event of events) {
      if (signal.aborted) return;
      this.#resourceVersion = event.object.metadata.resourceVersion;
      if (event.type === "DELETED") this.#remove(keyOf(event.object), event.object);
      else if (event.type !== "BOOKMARK") this.#apply(keyOf(event.object), event.object);
      this.#wakeWaiters();
    }
  }

  #apply(key: Key, object: T): void {
    const old = this.#objects.get(key);
    if (old && old.metadata.resourceVersion === object.metadata.resourceVersion) return;
    if (old && old.metadata.uid !== object.metadata.uid) {
      // Deleted and made again while the watch was down: to handlers these are two objects.
      this.#remove(key, undefined);
      this.#apply(key, object);
      return;
    }
    this.#objects.set(key, object);
    this.#ordered.set(key, object);
    for (const index of this.#indexes.values()) fileUnder(index, key, object, old);
    this.#dispatch(old ? { type: "update", object, old } : { type: "add", object });
  }

  #remove(key: Key, lastState: T | undefined): void {
    const old = this.#objects.get(key);
    if (!old) return;
    this.#objects.delete(key);
    this.#ordered.delete(key);
    for (const index of this.#indexes.values()) removeFrom(index, key, old);
    this.#dispatch({ type: "delete", object: lastState ?? old });
  }

  #dispatch(event: InformerEvent<T>): void {
    for (const handler of this.#handlers) this.#call(handler, event);
  }

  #call(handler: InformerHandler<T>, event: InformerEvent<T>): void {
    try {
      handler(event);
    } catch (error) {
      // A handler that fails is wrong in itself; the cache and the other handlers go on.
      const { log } = this.#environment;
      log.error("informer handler failed", { resource: this.resource.plural, error: errorMessage(error) });
    }
  }

  #wakeWaiters(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.condition()) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}

/** Mostly an object stands under the same values as `old` did, and takes its place there. */
function fileUnder<T extends KubeObject>(index: Index<T>, key: Key, object: T, old?: T): void {
  const values = [...index.values(object)];
  if (old) removeFrom(index, key, old, values);
  for (const value of values) {
    const bucket = index.buckets.get(value) ?? new SortedMap<T>();
    index.buckets.set(value, bucket);
    bucket.set(key, object);
  }
}

function removeFrom<T extends KubeObject>(index: Index<T>, key: Key, object: T, kept: readonly string[] = []): void {
  for (const value of index.values(object)) {
    if (kept.includes(value)) continue;
    const bucket = index.buckets.get(value);
    bucket?.delete(key);
    if (bucket?.size === 0) index.buckets.delete(value);
  }
}
