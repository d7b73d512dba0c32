/**
 * The last changes of something, numbered, so that whoever worked out a result from it can bring that up to date with
 * what changed since. It is bounded: who is too far behind begins anew.
 */
export class ChangeLog<T> {
  readonly #max: number;
  #changes: T[] = [];
  #number = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** The number of the last change. */
  get number(): number {
    return this.#number;
  }

  add(change: T): void {
    this.#number++;
    this.#changes.push(change);
    if (this.#changes.length > 2 * this.#max) this.#changes = this.#changes.slice(-this.#max);
  }

  /** Makes everybody begin anew. */
  reset(): void {
    this.#number++;
    this.#changes = [];
  }

  /** The changes after `number`, oldest first; undefined when that is too long ago. */
  since(number: number): readonly T[] | undefined {
    const count = this.#number - number;
    if (count === 0) return [];
    return count <= this.#changes.length ? this.#changes.slice(this.#changes.length - count) : undefined;
  }
}
