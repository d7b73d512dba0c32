import type { StoredObject } from "./watch-cache.ts";

/** Objects in key order. What `list` gave never changes: the next change after it works on a copy. */
export class SortedObjects {
  #objects: StoredObject[] = [];
  #shared = false;

  get size(): number {
    return this.#objects.length;
  }

  list(): readonly StoredObject[] {
    this.#shared = true;
    return this.#objects;
  }

  /** Adds the object, or puts it in the place of the one with its key. */
  set(object: StoredObject): void {
    this.#own();
    // Objects mostly come in key order when a store is loaded.
    const last = this.#objects.at(-1);
    if (last === undefined || last.key < object.key) {
      this.#objects.push(object);
      return;
    }
    const at = this.#position(object.key);
    if (this.#objects[at]?.key === object.key) this.#objects[at] = object;
    else this.#objects.splice(at, 0, object);
  }

  delete(key: string): void {
    const at = this.#position(key);
    if (this.#objects[at]?.key !== key) return;
    this.#own();
    this.#objects.splice(at, 1);
  }

  #own(): void {
    if (!this.#shared) return;
    this.#objects = this.#objects.slice();
    this.#shared = false;
  }

  /** Where `key` is, or would be inserted. */
  #position(key: string): number {
    let low = 0;
    let high = this.#objects.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#objects[middle]!.key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
