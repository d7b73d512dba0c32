import type { KubeObject } from "../api/index.ts";
import type { Revision } from "./storage.ts";

/** One version of an object as the API gives it out: gets, lists and watches share the object and its bytes. */
export interface StoredObject {
  readonly key: string;
  /** With metadata.resourceVersion; not to be changed (deep-frozen in development and tests). */
  readonly object: KubeObject;
  /** The object's JSON, encoded at most once. */
  readonly bytes: Uint8Array;
  readonly createRevision: Revision;
  readonly revision: Revision;
}

/** A change as watchers see it. For DELETED `current` is the last state under the revision of the deletion. */
export interface CacheEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly revision: Revision;
  readonly current: StoredObject;
  readonly previous?: StoredObject;
}

/** Which changes a watch is about: those whose object is, or was before, in this namespace, or under this key or index value. */
export type WatchScope =
  | { readonly namespace: string }
  | { readonly key: string }
  | { readonly index: string; readonly value: string };

/** Arrays of changes in revision order, as many as are ready: whoever writes to a socket writes once for each array. */
export interface CacheWatch extends AsyncIterable<readonly CacheEvent[]> {
  /** What the reader took last and all before it reach up to this revision: what a bookmark after it may say. */
  readonly delivered: Revision;
  /** Ends the wait of the reader, if it waits: it gets what is ready, which may be an empty array. */
  wake(): void;
  /** Resolves when nothing more comes, for whatever reason: also while the reader is busy elsewhere. */
  readonly ended: Promise<void>;
}

/** What a resource's cache has done since it was made. */
export interface CacheCounts {
  /** How often its objects were read from the storage as a whole. */
  readonly loads: number;
  /** The changes that it applied, for however many watches. */
  readonly events: number;
  /** The watches that fell too far behind. */
  readonly watchesCutOff: number;
}

/** The objects of one resource (one key prefix), indexed, with a ring of recent events. */
export interface ResourceCache {
  /** The revision of the last change to this resource; that of the load when there was none since. */
  readonly lastChange: Revision;
  get(key: string): StoredObject | undefined;
  /** In key order; all namespaces when none is named. The array never changes and is shared: do not change it. */
  list(namespace?: string): readonly StoredObject[];
  /** How many `list` would give. */
  count(namespace?: string): number;
  /** What `list` gave when `revision` was the last that was applied. Throws Compacted when the ring does not reach back that far. */
  listAt(revision: Revision, namespace?: string): readonly StoredObject[];
  /** Those that `index` files under `value`, in key order; see `addIndex`. */
  byIndex(index: string, value: string): readonly StoredObject[];
  /** Files every object under `value(object)`; adding an index of the same name again does nothing. */
  addIndex(name: string, value: (object: KubeObject) => string | undefined): void;
  /**
   * The changes after `after`, in order, those of `scope` or all. Throws Compacted at once when the ring does not reach
   * back that far. A watch whose reader falls too far behind ends with Compacted: its client lists again.
   */
  watch(after: Revision, signal: AbortSignal, scope?: WatchScope): CacheWatch;
}

/** Everything the store holds, in memory: reads never touch the disk. */
export interface WatchCache {
  /** The revision up to which all changes are applied. */
  readonly revision: Revision;
  /** Of states before this revision nobody is promised anything. */
  readonly compacted: Revision;
  /** The objects whose keys start with `prefix`; see `resourcePrefix`. */
  resource(prefix: string): ResourceCache;
  /** What has been done for each resource, by its prefix. */
  counts(): Iterable<readonly [prefix: string, counts: CacheCounts]>;
  /** Resolves when `revision` is applied; at once when it is already. Rejects when the signal or `close` come first. */
  waitFor(revision: Revision, signal?: AbortSignal): Promise<void>;
  /** Keeps no JSON beside the objects until somebody asks for it again. */
  forgetBytes(): void;
  close(): Promise<void>;
}
