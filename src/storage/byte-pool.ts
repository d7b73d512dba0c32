const encoder = new TextEncoder();
const slabBytes = 32 * 1024;
/** Larger ones have memory of their own: what is left of a slab is lost, and a slab stays as long as one part of it. */
const partBytesMax = 8 * 1024;
/** A UTF-16 unit is at most so many bytes in UTF-8. */
const bytesPerUnitMax = 3;

/**
 * Byte arrays that live about as long as each other, parts of larger ones: an array with memory of its own costs the
 * allocator and the collector four times what it costs to encode 1 kB into it.
 */
export class BytePool {
  #slab = new Uint8Array(0);
  #used = 0;

  /** The text in UTF-8. */
  encode(text: string): Uint8Array {
    if (text.length > partBytesMax / bytesPerUnitMax) return encoder.encode(text);
    this.#reserve(text.length * bytesPerUnitMax);
    const { written } = encoder.encodeInto(text, this.#slab.subarray(this.#used));
    return this.#part(written);
  }

  /** So many bytes, of which every one has to be written. */
  take(length: number): Uint8Array {
    if (length > partBytesMax) return new Uint8Array(length);
    this.#reserve(length);
    return this.#part(length);
  }

  #reserve(length: number): void {
    if (this.#used + length <= this.#slab.length) return;
    this.#slab = new Uint8Array(slabBytes);
    this.#used = 0;
  }

  #part(length: number): Uint8Array {
    const start = this.#used;
    this.#used += length;
    return this.#slab.subarray(start, this.#used);
  }
}
