import type { KubeObject } from "../../api/index.ts";
import { type Change, type ResourceCache, valueFromObject, type WatchCache } from "../../storage/index.ts";

/**
 * Things that only one object can have, such as addresses. Each that is taken is a key of its own in the store, written
 * in the same commit as its owner: the store itself sees to it that nothing is given twice, whichever server gives it.
 */
export class Claims {
  readonly #prefix: string;
  readonly #cache: ResourceCache;

  constructor(prefix: string, cache: WatchCache) {
    this.#prefix = prefix;
    this.#cache = cache.resource(prefix);
  }

  isTaken(name: string): boolean {
    return this.#cache.get(this.#prefix + name) !== undefined;
  }

  take(name: string, object: KubeObject): Change {
    return { key: this.#prefix + name, expect: 0, value: valueFromObject(object) };
  }

  /** The change that gives it back; undefined when nobody has it. */
  release(name: string): Change | undefined {
    const taken = this.#cache.get(this.#prefix + name);
    return taken && { key: taken.key, expect: taken.revision };
  }
}

/** The first free one of `count` from `start` on, going round at the end; undefined when all are taken. */
export function firstFree(count: number, start: number, isTaken: (index: number) => boolean): number | undefined {
  for (let step = 0; step < count; step++) {
    const index = (start + step) % count;
    if (!isTaken(index)) return index;
  }
  return undefined;
}
