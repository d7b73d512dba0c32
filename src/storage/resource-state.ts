import type { KubeObject } from "../api/index.ts";
import { assert, SortedMap } from "../lib/index.ts";
import { CacheWatcher } from "./cache-watcher.ts";
import { CachedObject, type CachedObjectOptions } from "./cached-object.ts";
import { EventRing } from "./event-ring.ts";
import type { Entry, Revision, StorageEvent } from "./storage.ts";
import type { CacheCounts, CacheEvent, ResourceCache, StoredObject, WatchScope } from "./watch-cache.ts";

/** What all resources of a watch cache share. */
export interface ResourceStateOptions extends CachedObjectOptions {
  readonly ringEventsMax: number;
  readonly watcherEventsMax: number;
  /** Runs what it is given after the code that is running. */
  readonly defer: (run: () => void) => void;
  /** The revision up to which the whole cache is applied. */
  readonly applied: () => Revision;
}

interface Index {
  readonly fileUnder: (object: KubeObject) => string | undefined;
  readonly byValue: Map<string, SortedMap<StoredObject>>;
  readonly watchers: WatchersByValue;
}

type WatchersByValue = Map<string, Set<CacheWatcher>>;

const nothing: readonly StoredObject[] = [];

/** The state of one resource: changed by `apply` alone, in revision order. */
export class ResourceState implements ResourceCache {
  readonly #prefix: string;
  readonly #options: ResourceStateOptions;
  readonly #objects = new Map<string, CachedObject>();
  readonly #namespaces = new Map<string, SortedMap<StoredObject>>();
  readonly #indexes = new Map<string, Index>();
  readonly #ring: EventRing;
  readonly #watchers = new Set<CacheWatcher>();
  readonly #namespaceWatchers: WatchersByValue = new Map();
  readonly #keyWatchers: WatchersByValue = new Map();
  #all: readonly StoredObject[] | undefined;
  #lastChange: Revision;
  #loads = 1;
  #events = 0;
  #watchesCutOff = 0;

  constructor(prefix: string, loaded: Revision, options: ResourceStateOptions) {
    this.#prefix = prefix;
    this.#lastChange = loaded;
    this.#options = options;
    this.#ring = new EventRing(loaded, options.ringEventsMax);
  }

  get lastChange(): Revision {
    return this.#lastChange;
  }

  get counts(): CacheCounts {
    return { loads: this.#loads, events: this.#events, watchesCutOff: this.#watchesCutOff };
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  list(namespace?: string): readonly StoredObject[] {
    if (namespace !== undefined) return this.#namespaces.get(namespace)?.list() ?? nothing;
    this.#all ??= this.#concatenate();
    return this.#all;
  }

  count(namespace?: string): number {
    return namespace === undefined ? this.#objects.size : (this.#namespaces.get(namespace)?.size ?? 0);
  }

  listAt(revision: Revision, namespace?: string): readonly StoredObject[] {
    if (revision >= this.#lastChange) return this.list(namespace);
    const before = new Map<string, StoredObject | undefined>();
    for (const { current, previous } of this.#ring.since(revision))
      if (!before.has(current.key)) before.set(current.key, previous);
    const items = this.list(namespace).filter(({ key }) => !before.has(key));
    for (const previous of before.values())
      if (previous && (namespace === undefined || this.#namespaceOf(previous.key) === namespace)) items.push(previous);
    return items.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  byIndex(index: string, value: string): readonly StoredObject[] {
    return this.#index(index).byValue.get(value)?.list() ?? nothing;
  }

  addIndex(name: string, fileUnder: (object: KubeObject) => string | undefined): void {
    if (this.#indexes.has(name)) return;
    const index: Index = { fileUnder, byValue: new Map(), watchers: new Map() };
    this.#indexes.set(name, index);
    for (const object of this.list()) file(index, fileUnder(object.object), object);
  }

  watch(after: Revision, signal: AbortSignal, scope?: WatchScope): CacheWatcher {
    const filed = scope && this.#filed(scope);
    const missed = this.#ring.since(after);
    const watcher: CacheWatcher = new CacheWatcher({
      after,
      pending: filed ? missed.filter((event) => filed.isAbout(event)) : missed,
      eventsMax: this.#options.watcherEventsMax,
      applied: this.#options.applied,
      signal,
      defer: this.#options.defer,
      onEnd: (ended, error) => {
        if (error !== undefined) this.#watchesCutOff++;
        if (filed) forget(filed.watchers, filed.value, ended);
        else this.#watchers.delete(ended);
      },
    });
    if (filed) filed.watchers.getOrInsertComputed(filed.value, () => new Set()).add(watcher);
    else this.#watchers.add(watcher);
    if (signal.aborted) watcher.end();
    return watcher;
  }

  /** Takes an entry of the first load: no event. */
  load(entry: Entry): void {
    this.#put(CachedObject.of(entry, this.#options), undefined);
  }

  apply(change: StorageEvent, nowMs: number): void {
    const event = this.#change(change);
    if (event === undefined) return;
    this.#lastChange = change.revision;
    this.#events++;
    this.#ring.push(event, nowMs);
    for (const watcher of this.#watchers) watcher.push(event);
    const { key } = event.current;
    if (this.#namespaceWatchers.size > 0) push(event, this.#namespaceWatchers, this.#namespaceOf(key));
    if (this.#keyWatchers.size > 0) push(event, this.#keyWatchers, key);
    for (const { watchers, fileUnder } of this.#indexes.values()) {
      if (watchers.size === 0) continue;
      const value = fileUnder(event.current.object);
      const before = event.previous && fileUnder(event.previous.object);
      if (value !== undefined) push(event, watchers, value);
      if (before !== undefined && before !== value) push(event, watchers, before);
    }
  }

  /** What became of the state between the last event and a snapshot at `revision` in which the entries are `present`. */
  difference(present: ReadonlyMap<string, Entry>, revision: Revision): StorageEvent[] {
    const changes: StorageEvent[] = [];
    for (const [key, entry] of present) {
      const previous = this.#objects.get(key);
      if (previous?.revision === entry.modRevision) continue;
      // Another object: the one before went at some revision before this came.
      if (previous && previous.createRevision !== entry.createRevision)
        changes.push({ key, revision: entry.createRevision - 1 });
      changes.push({ key, revision: entry.modRevision, entry });
    }
    for (const key of this.#objects.keys()) if (!present.has(key)) changes.push({ key, revision });
    return changes;
  }

  /** Says that what happened up to `revision` was not seen event by event, so nobody can watch from before it. */
  forgetHistory(revision: Revision): void {
    this.#loads++;
    // What came and went unseen was there at the revisions between.
    this.#lastChange = revision;
    this.#ring.reset(revision);
  }

  /** Drops the events that came before `timeMs` from the ring. */
  expire(timeMs: number): void {
    this.#ring.expire(timeMs);
  }

  endWatches(error?: unknown): void {
    const filed = [
      this.#namespaceWatchers,
      this.#keyWatchers,
      ...this.#indexes.values().map(({ watchers }) => watchers),
    ];
    for (const watcher of this.#watchers) watcher.end(error);
    for (const byValue of filed)
      for (const watchers of byValue.values()) for (const watcher of watchers) watcher.end(error);
  }

  #change(change: StorageEvent): CacheEvent | undefined {
    const { key, revision, entry } = change;
    const previous = this.#objects.get(key);
    if (entry === undefined) {
      if (previous === undefined) return undefined;
      this.#remove(previous);
      previous.outdate();
      return { type: "DELETED", revision, current: previous.deletedAt(revision), previous };
    }
    const current = CachedObject.of(entry, this.#options);
    this.#put(current, previous);
    previous?.outdate();
    return previous === undefined
      ? { type: "ADDED", revision, current }
      : { type: "MODIFIED", revision, current, previous };
  }

  #put(object: CachedObject, previous: CachedObject | undefined): void {
    this.#objects.set(object.key, object);
    this.#all = undefined;
    const namespace = this.#namespaceOf(object.key);
    this.#namespaces.getOrInsertComputed(namespace, () => new SortedMap()).set(object.key, object);
    for (const index of this.#indexes.values()) {
      const value = index.fileUnder(object.object);
      const before = previous && index.fileUnder(previous.object);
      if (before !== undefined && before !== value) unfile(index, before, object.key);
      file(index, value, object);
    }
  }

  #remove(object: CachedObject): void {
    this.#objects.delete(object.key);
    this.#all = undefined;
    const namespace = this.#namespaceOf(object.key);
    const inNamespace = this.#namespaces.get(namespace);
    inNamespace?.delete(object.key);
    if (inNamespace?.size === 0) this.#namespaces.delete(namespace);
    for (const index of this.#indexes.values()) unfile(index, index.fileUnder(object.object), object.key);
  }

  /** All objects in key order. A namespace's keys are together; "a-b/" comes before "a/", so the slash counts. */
  #concatenate(): readonly StoredObject[] {
    const parts = [...this.#namespaces].sort(([a], [b]) => (`${a}/` < `${b}/` ? -1 : 1));
    if (parts.length === 1) return parts[0]![1].list();
    const all: StoredObject[] = [];
    for (const [, objects] of parts) for (const object of objects.list()) all.push(object);
    return all;
  }

  /** The namespace that a key names; empty for cluster-scoped objects. */
  #namespaceOf(key: string): string {
    const slash = key.indexOf("/", this.#prefix.length);
    return slash < 0 ? "" : key.slice(this.#prefix.length, slash);
  }

  #index(name: string): Index {
    const index = this.#indexes.get(name);
    assert(index, `${this.#prefix} has an index ${name}`);
    return index;
  }

  /** Where the watchers of a scope are filed, and which events are theirs. */
  #filed(scope: WatchScope): Filed {
    if ("namespace" in scope) {
      const { namespace } = scope;
      const isAbout = ({ current }: CacheEvent) => this.#namespaceOf(current.key) === namespace;
      return { watchers: this.#namespaceWatchers, value: namespace, isAbout };
    }
    if ("key" in scope) {
      const { key } = scope;
      return { watchers: this.#keyWatchers, value: key, isAbout: ({ current }) => current.key === key };
    }
    const { watchers, fileUnder } = this.#index(scope.index);
    const { value } = scope;
    const isAbout = ({ current, previous }: CacheEvent) =>
      fileUnder(current.object) === value || (previous !== undefined && fileUnder(previous.object) === value);
    return { watchers, value, isAbout };
  }
}

interface Filed {
  readonly watchers: WatchersByValue;
  readonly value: string;
  readonly isAbout: (event: CacheEvent) => boolean;
}

function push(event: CacheEvent, byValue: WatchersByValue, value: string): void {
  const watchers = byValue.get(value);
  if (watchers) for (const watcher of watchers) watcher.push(event);
}

function forget(byValue: WatchersByValue, value: string, watcher: CacheWatcher): void {
  const watchers = byValue.get(value);
  watchers?.delete(watcher);
  if (watchers?.size === 0) byValue.delete(value);
}

function file(index: Index, value: string | undefined, object: StoredObject): void {
  if (value === undefined) return;
  index.byValue.getOrInsertComputed(value, () => new SortedMap()).set(object.key, object);
}

function unfile(index: Index, value: string | undefined, key: string): void {
  if (value === undefined) return;
  const objects = index.byValue.get(value);
  objects?.delete(key);
  if (objects?.size === 0) index.byValue.delete(value);
}
