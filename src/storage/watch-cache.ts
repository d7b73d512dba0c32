import type { KubeObject } from "../api/index.ts";
import type { Revision } from "./storage.ts";

/** One version of an object as the API gives it out: gets, lists and watches share the frozen object and its bytes. */
export interface StoredObject {
  readonly key: string;
  /** Deep-frozen, with metadata.resourceVersion. */
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

/** The objects of one resource (one key prefix), indexed, with a ring of recent events. */
export interface ResourceCache {
  /** The revision of the last change to this resource. */
  readonly lastChange: Revision;
  get(key: string): StoredObject | undefined;
  /** In key order; all namespaces when none is named. The array is shared: do not change it. */
  list(namespace?: string): readonly StoredObject[];
  /** Those that `index` files under `value`; see `addIndex`. */
  byIndex(index: string, value: string): readonly StoredObject[];
  addIndex(name: string, value: (object: KubeObject) => string | undefined): void;
  /**
   * The changes after `after`, in order. Throws Compacted when the ring does not reach back that far. A watcher that
   * falls too far behind is ended with Compacted: its client lists again.
   */
  watch(after: Revision, signal: AbortSignal): AsyncIterable<CacheEvent>;
}

/** Everything the store holds, in memory: reads never touch the disk. */
export interface WatchCache {
  /** The revision up to which all changes are applied. */
  readonly revision: Revision;
  resource(prefix: string): ResourceCache;
  /** Resolves when `revision` is applied; at once when it is already. */
  waitFor(revision: Revision, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
