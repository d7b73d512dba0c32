import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { byRevision, checkChanges } from "../commit-check.ts";
import { History, historyEventsMax } from "../history.ts";
import { keyBytesMax } from "../keys.ts";
import {
  type Change,
  type Entry,
  type Revision,
  type Snapshot,
  type Storage,
  StorageClosed,
  type StorageEvent,
  StorageFull,
} from "../storage.ts";
import { checkValueSize } from "../value-size.ts";
import { databaseFile, prepareDataDirectory, syncDirectory } from "./data-format.ts";
import { decodeRecord, encodeRecord, type Place, readPlace } from "./record.ts";
import { Room } from "./room.ts";

export interface LmdbStorageOptions {
  /** How many events are kept for watches. */
  readonly historyEventsMax?: number;
}

/** One call of `commit` that waits for its turn. */
interface Request {
  readonly changes: readonly Change[];
  readonly resolve: (revision: Revision) => void;
  readonly reject: (error: unknown) => void;
}

/** What became of a request if its group reaches the disk. */
type Outcome = { readonly revision: Revision } | { readonly error: unknown };

/** What a key will hold; nothing when it is deleted. */
interface Written {
  readonly place: Place | undefined;
  readonly record: Uint8Array | undefined;
}

const gone: Written = { place: undefined, record: undefined };

/** The commits that go to disk together. */
interface Group {
  readonly outcomes: readonly Outcome[];
  readonly commits: readonly (readonly StorageEvent[])[];
  readonly written: ReadonlyMap<string, Written>;
  readonly revision: Revision;
}

/** How many commits go to disk at once: a bound on memory and on how long one waits for its neighbours. */
const groupCommitsMax = 1_024;
const revisionKey = "revision";
const noBytes = new Uint8Array(0);

/** Opens, or creates, the store in the directory `path`. Throws when it is of a newer version or cannot be read. */
export async function openLmdbStorage(path: string, options: LmdbStorageOptions = {}): Promise<Storage> {
  await prepareDataDirectory(path);
  let storage: LmdbStorage;
  try {
    const environment = {
      path,
      noSubdir: false,
      // The objects include Secrets. The option is missing among lmdb-js's types.
      permissionsMode: 0o600,
      encoding: "binary" as const,
      maxDbs: 2,
      // A commit that resolves is on disk, and one that fails there is told so. With overlapping sync it would resolve
      // before, and a failed sync would leave it visible. Groups follow one another, so nothing could overlap (measured:
      // 34,000 commits/s from 64 writers either way).
      overlappingSync: false,
      // Groups are made here; lmdb-js's own batches would only add a promise whose rejection nobody sees.
      eventTurnBatching: false,
    };
    const root = open(environment);
    storage = new LmdbStorage(path, root, await Room.open(join(path, databaseFile)), options);
    await storage.load();
  } catch (error) {
    throw new Error(`cannot open the data directory ${path}`, { cause: error });
  }
  await syncDirectory(path);
  return storage;
}

/**
 * Keeps entries in one LMDB database. Commits that arrive while others are written wait and then go to disk together,
 * in one transaction and one sync: revisions, conflicts and events are those of running them one after the other.
 */
class LmdbStorage implements Storage {
  readonly #path: string;
  readonly #root: RootDatabase;
  readonly #room: Room;
  readonly #entries: Database<Uint8Array, string>;
  /** One record, whose version is the last revision. */
  readonly #meta: Database<Uint8Array, string>;
  readonly #places = new Map<string, Place>();
  #history: History;
  readonly #historyEventsMax: number;
  /** As long as the API server has requests in flight. */
  #queue: Request[] = [];
  #writing: Promise<void> | undefined;
  /** Those who read while groups are written have their turn after the next one, however many follow. */
  #reads: (() => void)[] = [];
  #revision: Revision = 0;
  #closed = false;

  constructor(path: string, root: RootDatabase, room: Room, options: LmdbStorageOptions) {
    this.#path = path;
    this.#root = root;
    this.#room = room;
    this.#entries = root.openDB({ name: "entries", encoding: "binary" });
    this.#meta = root.openDB({ name: "meta", encoding: "binary", useVersions: true });
    this.#historyEventsMax = options.historyEventsMax ?? historyEventsMax;
    this.#history = new History(0, this.#historyEventsMax);
  }

  /** Reads where everything is; before any other method. */
  async load(): Promise<void> {
    const last = this.#meta.getEntry(revisionKey);
    if (last === undefined) await this.#meta.put(revisionKey, noBytes, 0);
    this.#revision = last?.version ?? 0;
    for (const { key, value } of this.#entries.getRange()) this.#places.set(key, readPlace(value));
    this.#history = new History(this.#revision, this.#historyEventsMax);
  }

  get revision(): Revision {
    return this.#revision;
  }

  get compacted(): Revision {
    return this.#history.oldest;
  }

  async range(prefix: string): Promise<Snapshot> {
    this.#assertOpen();
    if (this.#writing === undefined) return this.#read(prefix);
    // A group that is on disk and not published yet would be seen here and again in the events after `revision`.
    return new Promise((resolve) => this.#reads.push(() => resolve(Promise.try(() => this.#read(prefix)))));
  }

  #read(prefix: string): Snapshot {
    const entries: Entry[] = [];
    for (const { key, value } of this.#entries.getRange({ start: prefix })) {
      if (!key.startsWith(prefix)) break;
      entries.push(decodeRecord(key, value));
    }
    // LMDB compares UTF-8, JavaScript UTF-16: the same for all but rare characters, and then this costs one pass.
    entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    return { revision: this.#revision, entries };
  }

  commit(changes: readonly Change[]): Promise<Revision> {
    return new Promise((resolve, reject) => {
      this.#assertOpen();
      for (const { key, value } of changes) {
        if (value) checkValueSize(value);
        if (Buffer.byteLength(key) > keyBytesMax)
          throw new Error(`the key ${key.slice(0, 100)}… may have at most ${keyBytesMax} bytes`);
      }
      this.#queue.push({ changes, resolve, reject });
      this.#writing ??= this.#drain();
    });
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
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    this.#history.close();
    await this.#root.close();
    await this.#room.close();
  }

  /** Writes group after group until nothing waits. */
  async #drain(): Promise<void> {
    // The requests that are worked on together are ready by then: ticks come after all that follows from what was promised.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    while (this.#queue.length > 0) {
      await this.#commitGroup(this.#queue.splice(0, groupCommitsMax));
      for (const read of this.#reads.splice(0)) read();
    }
    this.#writing = undefined;
  }

  async #commitGroup(requests: readonly Request[]): Promise<void> {
    let group: Group;
    try {
      group = this.#plan(requests);
      if (group.written.size > 0) await this.#write(group);
    } catch (error) {
      for (const request of requests) request.reject(error);
      return;
    }
    for (const [key, { place }] of group.written) {
      if (place === undefined) this.#places.delete(key);
      else this.#places.set(key, place);
    }
    this.#revision = group.revision;
    this.#history.append(group.commits);
    for (const [index, request] of requests.entries()) {
      const outcome = group.outcomes[index]!;
      if ("revision" in outcome) request.resolve(outcome.revision);
      else request.reject(outcome.error);
    }
  }

  /** Runs the requests one after the other in memory. */
  #plan(requests: readonly Request[]): Group {
    const written = new Map<string, Written>();
    const commits: StorageEvent[][] = [];
    const outcomes: Outcome[] = [];
    const placeOf = (key: string) => {
      const before = written.get(key);
      return before ? before.place : this.#places.get(key);
    };
    let last = this.#revision;
    for (const { changes } of requests) {
      try {
        checkChanges(changes, (key) => placeOf(key)?.modRevision ?? 0);
      } catch (error) {
        outcomes.push({ error });
        continue;
      }
      const effective = changes.filter(({ key, value }) => value !== undefined || placeOf(key) !== undefined);
      for (const group of byRevision(effective)) {
        const revision = ++last;
        const events: StorageEvent[] = [];
        for (const { key, value } of group) {
          if (value === undefined) {
            written.set(key, gone);
            events.push({ key, revision });
            continue;
          }
          const place = { createRevision: placeOf(key)?.createRevision ?? revision, modRevision: revision };
          written.set(key, { place, record: encodeRecord(place, value.bytes) });
          events.push({ key, revision, entry: { key, value, ...place } });
        }
        commits.push(events);
      }
      outcomes.push({ revision: last });
    }
    return { outcomes, commits, written, revision: last };
  }

  /** Brings a group to disk, whole, or throws and leaves the disk as it was. */
  async #write(group: Group): Promise<void> {
    let isOurs: boolean;
    try {
      await this.#room.ensure(roomFor(group), () => this.#usedBytes());
      isOurs = await this.#meta.ifVersion(revisionKey, this.#revision, () => {
        this.#meta.put(revisionKey, noBytes, group.revision);
        for (const [key, { record }] of group.written) {
          if (record === undefined) this.#entries.remove(key);
          else this.#entries.put(key, record);
        }
      });
    } catch (error) {
      throw await this.#explain(error);
    }
    if (!isOurs) throw new Error(`another process writes to ${this.#path}: only one Roder may use a data directory`);
  }

  /** Where the last page ends that LMDB uses. */
  #usedBytes(): number {
    // lmdb-js declares no type for what it measures.
    const { lastPageNumber, pageSize } = this.#entries.getStats() as { lastPageNumber: number; pageSize: number };
    return (lastPageNumber + 1) * pageSize;
  }

  async #explain(error: unknown): Promise<Error> {
    const cause = await commitError(error);
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (fullCodes.has(code)) return new StorageFull({ cause });
    return new Error(`writing to the data directory ${this.#path} failed`, { cause });
  }

  #assertOpen(): void {
    if (this.#closed) throw new StorageClosed();
  }
}

/** ENOSPC, EDQUOT and MDB_MAP_FULL, as Node and as LMDB name them. */
const fullCodes: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", 28, 122, -30792]);
/** What a transaction needs beside its records: the tree's upper pages, and the list of free pages. */
const roomForPagesBytes = 1024 * 1024;
/** The copies of a record's page and of the one above it, and one more of each where a full page is parted. */
const roomForKeyBytes = 4 * 4_096;

/** The most that a group may add to the file. */
function roomFor({ written }: Group): number {
  let bytes = roomForPagesBytes;
  for (const { record } of written.values()) bytes += roomForKeyBytes + (record?.length ?? 0);
  return bytes;
}

/** The reason that lmdb-js keeps in a promise beside the error it rejects with. */
async function commitError(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !("commitError" in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (reason) {
    return reason; // that is the answer
  }
}
