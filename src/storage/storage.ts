import type { KubeObject } from "../api/index.ts";

/** Grows by one with every commit and is never reused; 0 is before the first. A JavaScript number is exact to 2^53. */
export type Revision = number;

/**
 * What is kept under a key: an object without its resourceVersion (the revision says it), with its JSON encoded at most
 * once. Drivers that stay in memory use `object`, those that write use `bytes`; neither makes what it does not need.
 */
export interface Value {
  /** Deep-frozen. */
  readonly object: KubeObject;
  readonly bytes: Uint8Array;
}

export interface Entry {
  readonly key: string;
  readonly value: Value;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
}

export interface Change {
  readonly key: string;
  /** The modRevision that the key must have now; 0: it must not exist; undefined: whatever it is. */
  readonly expect?: Revision;
  /** The new value; undefined deletes the key. */
  readonly value?: Value;
}

export interface StorageEvent {
  readonly key: string;
  readonly revision: Revision;
  /** Undefined when the key was deleted. */
  readonly value?: Value;
  /** What was there before; undefined when the key was created. */
  readonly previous?: Entry;
}

/** The revisioned key-value store below the API. Keys are `/registry/<group>/<resource>/<namespace>/<name>`. */
export interface Storage {
  /** The revision of the last commit that is visible to `range`. */
  readonly revision: Revision;
  /** The revision before which history is gone. */
  readonly compacted: Revision;
  /** The entries whose keys start with `prefix`, in key order. */
  range(prefix: string): Promise<Entry[]>;
  /**
   * All changes or none, at one new revision, durable when it resolves.
   * Throws ChangeConflict when a key is not at the revision it should be, and StorageFull when there is no room.
   */
  commit(changes: readonly Change[]): Promise<Revision>;
  /** Every change below `prefix` after revision `after`, in order. Throws Compacted when they are not kept any more. */
  watch(prefix: string, after: Revision, signal: AbortSignal): AsyncIterable<StorageEvent>;
  /** Forgets history before `before`. The present state stays. */
  compact(before: Revision): Promise<void>;
  close(): Promise<void>;
}

/** A key was not at the revision that a change expected. */
export class ChangeConflict extends Error {
  readonly key: string;
  /** What the key is at; 0 when it does not exist. */
  readonly actual: Revision;

  constructor(key: string, expected: Revision, actual: Revision) {
    super(`${key} is at revision ${actual}, not ${expected}`);
    this.name = "ChangeConflict";
    this.key = key;
    this.actual = actual;
  }
}

/** The history that a watch asked for is not kept any more. */
export class Compacted extends Error {
  readonly oldest: Revision;

  constructor(after: Revision, oldest: Revision) {
    super(`history after revision ${after} is compacted; the oldest that is kept is ${oldest}`);
    this.name = "Compacted";
    this.oldest = oldest;
  }
}

/** There is no room for a commit; nothing of it was kept. */
export class StorageFull extends Error {
  constructor(options?: ErrorOptions) {
    super("the disk that holds the data directory is full: free space there and try again", options);
    this.name = "StorageFull";
  }
}
