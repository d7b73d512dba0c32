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

  /**
   * undefined when the state is not known any more, or older than what is promised: five to ten minutes. With `count`, the
   * number of its objects, it can be known although what happened since is not, as after a restart.
   */
  get(
    { cache, prefix }: ResourceStore,
    namespace: string,
    revision: Revision,
    count?: number,
  ): readonly StoredObject[] | undefined {
    if (revision < this.#cache.compacted) return undefined;
    const kept = this.#snapshots.get(keyOf(prefix, namespace, revision));
    if (kept) return kept.items;
    try {
      return cache.listAt(revision, namespace || undefined);
    } catch (error) {
      if (!(error instanceof Compacted)) throw error;
      const oldest = cache.listAt(error.oldest - 1, namespace || undefined);
      return isUnchanged(oldest, revision, count) ? oldest : undefined;
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

/** Who has nothing newer than a revision, and as many objects as then, has lost none since: a deleted one would be missed. */
function isUnchanged(items: readonly StoredObject[], since: Revision, count: number | undefined): boolean {
  return items.length === count && items.every((each) => each.revision <= since);
}
