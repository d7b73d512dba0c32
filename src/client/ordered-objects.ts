import type { KubeObject } from "../api/index.ts";
import type { Key } from "./controller.ts";

/**
 * Objects in the order of their keys. What `all` hands out never changes: the next change copies the array first, so a
 * reader may keep it over an await.
 */
export class OrderedObjects<T extends KubeObject> {
  #keys: Key[] = [];
  #objects: T[] = [];
  #handedOut = false;

  get size(): number {
    return this.#keys.length;
  }

  set(key: Key, object: T): void {
    const at = this.#position(key);
    this.#own();
    if (this.#keys[at] === key) {
      this.#objects[at] = object;
    } else {
      this.#keys.splice(at, 0, key);
      this.#objects.splice(at, 0, object);
    }
  }

  delete(key: Key): void {
    const at = this.#position(key);
    if (this.#keys[at] !== key) return;
    this.#own();
    this.#keys.splice(at, 1);
    this.#objects.splice(at, 1);
  }

  all(): readonly T[] {
    this.#handedOut = true;
    return this.#objects;
  }

  /** The objects of one namespace: keys with one prefix are neighbours. */
  inNamespace(namespace: string): readonly T[] {
    // "0" is the character after "/".
    return this.#objects.slice(this.#position(`${namespace}/`), this.#position(`${namespace}0`));
  }

  /** The index of the first key that is not before `key`. */
  #position(key: Key): number {
    const keys = this.#keys;
    const last = keys.length - 1;
    // Lists arrive in order: appending is the usual case.
    if (last < 0 || keys[last]! < key) return keys.length;
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #own(): void {
    if (!this.#handedOut) return;
    this.#objects = this.#objects.slice();
    this.#handedOut = false;
  }
}
