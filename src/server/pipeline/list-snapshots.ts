import { Compacted, type Revision, type StoredObject, type WatchCache } from "../../storage/index.ts";
import type { ResourceStore } from "./resource-store.ts";

/** The arrays are shared with the cache until it changes, so a snapshot costs little more than its changed objects. */
const countMax = 256;

/**
 * Past states of collections, so that the later pages of a list show the state of the first, and that of any revision
 * can be asked for. Those of which pages were given are kept, whatever happens since; others come from recent events.
 */
export class ListSnapshots {
  readonly #cache: WatchCache;
  readonly #snapshots = new Map<string, { readonly revision: Revision; readonly items: readonly StoredObject[] }>();

  constructor(cache: WatchCache) {
    this.#cache = cache;
  }

  keep(prefix: string, namespace: string, revision: Revision, items: readonly StoredObject[]): void {
    const key = keyOf(prefix, namespace, revision);
    this.#snapshots.delete(key);
    this.#snapshots.set(key, { revision, items });
    this.#dropOld();
  }

  /** undefined when the state is not known any more, or older than what is promised: five to ten minutes. */
  get({ cache, prefix }: ResourceStore, namespace: string, revision: Revision): readonly StoredObject[] | undefined {
    if (revision < this.#cache.compacted) return undefined;
    try {
      const kept = this.#snapshots.get(keyOf(prefix, namespace, revision));
      return kept ? kept.items : cache.listAt(revision, namespace || undefined);
    } catch (error) {
      if (error instanceof Compacted) return undefined;
      throw error;
    }
  }

  /** The oldest come first in a Map. */
  #dropOld(): void {
    for (const [key, { revision }] of this.#snapshots) {
      if (this.#snapshots.size <= countMax && revision >= this.#cache.compacted) return;
      this.#snapshots.delete(key);
    }
  }
}

function keyOf(prefix: string, namespace: string, revision: Revision): string {
  return `${prefix}${namespace} ${revision}`;
}
