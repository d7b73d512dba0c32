import type { Clock } from "../../lib/index.ts";
import type { Revision, StoredObject } from "../../storage/index.ts";

/** How long the pages of one list can be fetched; the compaction interval upstream. */
const keptMs = 5 * 60_000;
/** The arrays are shared with the cache until it changes, so a snapshot costs little more than its changed objects. */
const countMax = 256;

interface Snapshot {
  readonly items: readonly StoredObject[];
  readonly untilMs: number;
}

/** Past states of collections, so that the later pages of a list show the state of the first. */
export class ListSnapshots {
  readonly #clock: Clock;
  readonly #snapshots = new Map<string, Snapshot>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  keep(prefix: string, namespace: string, revision: Revision, items: readonly StoredObject[]): void {
    const key = keyOf(prefix, namespace, revision);
    this.#snapshots.delete(key);
    this.#snapshots.set(key, { items, untilMs: this.#clock.monotonicMs() + keptMs });
    this.#dropOld();
  }

  get(prefix: string, namespace: string, revision: Revision): readonly StoredObject[] | undefined {
    const found = this.#snapshots.get(keyOf(prefix, namespace, revision));
    return found && found.untilMs > this.#clock.monotonicMs() ? found.items : undefined;
  }

  /** The oldest come first in a Map. */
  #dropOld(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [key, snapshot] of this.#snapshots) {
      if (this.#snapshots.size <= countMax && snapshot.untilMs > nowMs) return;
      this.#snapshots.delete(key);
    }
  }
}

function keyOf(prefix: string, namespace: string, revision: Revision): string {
  return `${prefix}${namespace} ${revision}`;
}
