/** Something that can make its JSON again. */
export interface Encoded {
  forgetBytes(): void;
}

const countMax = 8192;
const bytesMax = 16 * 1024 * 1024;

/**
 * Whose JSON is kept beside the object: that of the versions encoded last, which are the ones that watchers, writers and
 * most readers are about to be given. What is older is encoded again when somebody asks for it, so that a large cluster
 * does not stay in memory twice.
 */
export class RecentBytes {
  readonly #sizes = new Map<Encoded, number>();
  #bytes = 0;

  note(encoded: Encoded, size: number): void {
    this.#bytes += size - (this.#sizes.get(encoded) ?? 0);
    this.#sizes.delete(encoded);
    this.#sizes.set(encoded, size);
    for (const [oldest, its] of this.#sizes) {
      if (this.#bytes <= bytesMax && this.#sizes.size <= countMax) return;
      this.#sizes.delete(oldest);
      this.#bytes -= its;
      oldest.forgetBytes();
    }
  }
}
