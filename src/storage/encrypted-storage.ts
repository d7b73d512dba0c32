import type { KubeObject } from "../api/index.ts";
import type { Change, Entry, Revision, Snapshot, Storage, StorageEvent, Value } from "./storage.ts";
import { valueFromBytes } from "./value.ts";

/** How the values below a key are kept. */
export interface ValueCipher {
  /** What is written for the bytes; only `key` can be read from it again. */
  seal(key: string, bytes: Uint8Array): Promise<Uint8Array>;
  /** The bytes again, and whether they would be written otherwise now. Throws when they cannot be read. */
  open(key: string, bytes: Uint8Array): Promise<{ readonly bytes: Uint8Array; readonly isStale: boolean }>;
}

/** The cipher of a key; undefined where values are kept as they are. */
export type CipherOf = (key: string) => ValueCipher | undefined;

/** A value whose bytes are sealed: a driver writes those, and who takes it back has the plain one without opening it. */
class SealedValue implements Value {
  readonly plain: Value;
  readonly bytes: Uint8Array;
  readonly isEncoded = true;

  constructor(plain: Value, bytes: Uint8Array) {
    this.plain = plain;
    this.bytes = bytes;
  }

  get object(): KubeObject {
    return this.plain.object;
  }
}

/** Keeps values sealed in `storage` and gives them out plain, whichever driver it is. */
export function encryptedStorage(storage: Storage, cipherOf: CipherOf): Storage {
  return new EncryptedStorage(storage, cipherOf);
}

class EncryptedStorage implements Storage {
  readonly #storage: Storage;
  readonly #cipherOf: CipherOf;
  /** Keys of values that are to be written anew: few, and none once an operator has done so. */
  readonly #stale = new Set<string>();

  constructor(storage: Storage, cipherOf: CipherOf) {
    this.#storage = storage;
    this.#cipherOf = cipherOf;
  }

  get revision(): Revision {
    return this.#storage.revision;
  }

  get compacted(): Revision {
    return this.#storage.compacted;
  }

  isStale(key: string): boolean {
    return this.#stale.has(key);
  }

  async range(prefix: string): Promise<Snapshot> {
    const { revision, entries } = await this.#storage.range(prefix);
    const opened: Entry[] = [];
    for (const entry of entries) {
      const pending = this.#opened(entry);
      opened.push(pending instanceof Promise ? await pending : pending);
    }
    return { revision, entries: opened };
  }

  async commit(changes: readonly Change[]): Promise<Revision> {
    const sealed: Change[] = [];
    for (const change of changes) {
      const cipher = change.value && this.#cipherOf(change.key);
      sealed.push(cipher ? await seal(cipher, change) : change);
    }
    const revision = await this.#storage.commit(sealed);
    for (const { key } of changes) this.#stale.delete(key);
    return revision;
  }

  async *watch(prefix: string, after: Revision, signal: AbortSignal): AsyncGenerator<readonly StorageEvent[]> {
    for await (const events of this.#storage.watch(prefix, after, signal)) {
      const opened: StorageEvent[] = [];
      for (const event of events) {
        if (!event.entry) {
          opened.push(event);
          continue;
        }
        const pending = this.#opened(event.entry);
        opened.push({ ...event, entry: pending instanceof Promise ? await pending : pending });
      }
      yield opened;
    }
  }

  compact(before: Revision): Promise<void> {
    return this.#storage.compact(before);
  }

  close(): Promise<void> {
    return this.#storage.close();
  }

  #opened(entry: Entry): Entry | Promise<Entry> {
    const { key, value } = entry;
    if (value instanceof SealedValue) return { ...entry, value: value.plain };
    const cipher = this.#cipherOf(key);
    return cipher ? this.#open(cipher, entry) : entry;
  }

  async #open(cipher: ValueCipher, entry: Entry): Promise<Entry> {
    const { bytes, isStale } = await cipher.open(entry.key, entry.value.bytes);
    if (isStale) this.#stale.add(entry.key);
    return { ...entry, value: valueFromBytes(bytes) };
  }
}

async function seal(cipher: ValueCipher, change: Change): Promise<Change> {
  const value = change.value!; // only changes with a value are sealed
  return { ...change, value: new SealedValue(value, await cipher.seal(change.key, value.bytes)) };
}
