import { formatJson } from "../../lib/index.ts";
import type { Change, Revision, Storage } from "../../storage/index.ts";

/** Called with every commit once it is there, before anybody learns of it; what it throws its writer gets. */
export type CommitObserver = (changes: readonly Change[], revision: Revision) => void;

export interface RecordedStorage extends Storage {
  /** 16 hexadecimal digits of everything that was written, in its order: equal for equal histories. */
  readonly digest: string;
}

/** Sums up what is written. The digest finds differences; it is no protection against who makes them on purpose. */
export function recordedStorage(storage: Storage, observe?: CommitObserver): RecordedStorage {
  const digest = new Digest();
  return {
    get digest() {
      return digest.text;
    },
    get revision() {
      return storage.revision;
    },
    get compacted() {
      return storage.compacted;
    },
    isStale: (key) => storage.isStale?.(key) ?? false,
    range: (prefix) => storage.range(prefix),
    async commit(changes) {
      const revision = await storage.commit(changes);
      for (const { key, value } of changes) digest.add(`${revision} ${key} ${value ? formatJson(value.object) : ""}\n`);
      observe?.(changes, revision);
      return revision;
    },
    watch: (prefix, after, signal) => storage.watch(prefix, after, signal),
    compact: (before) => storage.compact(before),
    close: () => storage.close(),
  };
}

/** FNV-1a (the IETF's draft-eastlake-fnv) in two lanes of 32 bits, which differ in where they start and in what they mix in. */
class Digest {
  #first = 0x811c9dc5;
  #second = 0x9747b28c;

  get text(): string {
    return [this.#first, this.#second].map((lane) => (lane >>> 0).toString(16).padStart(8, "0")).join("");
  }

  add(text: string): void {
    let first = this.#first;
    let second = this.#second;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      first = Math.imul(first ^ code, 0x01000193);
      second = Math.imul(second ^ (code + at), 0x01000193);
    }
    this.#first = first;
    this.#second = second;
  }
}
