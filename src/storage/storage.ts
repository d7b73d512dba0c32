import type { KubeObject } from "../api/index.ts";

/** Grows with every commit and is never reused; 0 is before the first. A JavaScript number is exact to 2^53. */
export type Revision = number;

/**
 * What is kept under a key: an object without its resourceVersion (the revision says it), with its JSON encoded at most
 * once. Drivers that stay in memory use `object`, those that write use `bytes`; neither makes what it does not need.
 */
export interface Value {
  /** Not to be changed. */
  readonly object: KubeObject;
  readonly bytes: Uint8Array;
  /** Whether `bytes` are made already, so that reading them costs nothing. */
  readonly isEncoded: boolean;
}

export interface Entry {
  readonly key: string;
  readonly value: Value;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
}

/** What `range` found. */
export interface Snapshot {
  /** The state is that after this commit: a watch after it misses nothing. */
  readonly revision: Revision;
  readonly entries: readonly Entry[];
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
  /** What the key holds now; undefined when it was deleted. */
  readonly entry?: Entry;
}

/** The revisioned key-value store below the API. Keys are `/registry/<group>/<resource>/<namespace>/<name>`. */
export interface Storage {
  /** The revision of the last commit that is visible to `range`. */
  readonly revision: Revision;
  /** The oldest revision whose events are kept; the next one when none are. */
  readonly compacted: Revision;
  /** The entries whose keys start with `prefix`, in the order in which JavaScript compares strings. */
  range(prefix: string): Promise<Snapshot>;
  /**
   * All changes or none, durable when it resolves. Each key may be changed once. Changes of one resource take one
   * revision each, in order (see `byRevision`); the answer is the last, which is that of the last change. A commit that
   * only deletes what does not exist changes nothing and gives the last revision. Throws ChangeConflict when a key is not
   * at the revision it should be, StorageFull when there is no room, and ValueTooLarge for what etcd would not take.
   */
  commit(changes: readonly Change[]): Promise<Revision>;
  /**
   * Every change below `prefix` after revision `after`, in order: arrays of whole commits, as many as are ready.
   * Throws Compacted when they are not kept any more, and when its reader falls so far behind; ends with the signal.
   */
  watch(prefix: string, after: Revision, signal: AbortSignal): AsyncIterable<readonly StorageEvent[]>;
  /** Whether what is under a key would be written otherwise now, so that even the same value is to be written again. */
  isStale?(key: string): boolean;
  /** Forgets the events before `before`. The present state stays. */
  compact(before: Revision): Promise<void>;
  /** Waits for the commits under way and ends the watches. */
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

/** A value is larger than the storage takes; nothing of the commit was kept. */
export class ValueTooLarge extends Error {
  constructor() {
    // The words of etcd, which clients look for.
    super("etcdserver: request is too large");
    this.name = "ValueTooLarge";
  }
}

/** The storage was closed before or during the call. */
export class StorageClosed extends Error {
  constructor() {
    super("the storage is closed");
    this.name = "StorageClosed";
  }
}
