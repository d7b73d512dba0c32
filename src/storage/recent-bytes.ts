/** Something that can make its JSON again. */
export interface Encoded {
  /** Where `RecentBytes` has it noted; nobody else reads or writes this. */
  notedAt?: number | undefined;
  forgetBytes(): void;
}

interface Note {
  readonly encoded: Encoded;
  readonly size: number;
}

const countMax = 8192;
const bytesMax = 16 * 1024 * 1024;

/**
 * Whose JSON is kept beside the object: that of the versions encoded last, which are the ones that watchers, writers and
 * most readers are about to be given. What is older is encoded again when somebody asks for it, so that a large cluster
 * does not stay in memory twice.
 */
export class RecentBytes {
  /** A ring; an object that was noted again has left its first place empty. */
  readonly #notes: (Note | undefined)[] = [];
  #first = 0;
  #next = 0;
  #bytes = 0;

  note(encoded: Encoded, size: number): void {
    if (encoded.notedAt !== undefined) this.#take(encoded.notedAt);
    if (this.#next - this.#first === countMax) this.#forgetFirst();
    this.#notes[this.#next % countMax] = { encoded, size };
    encoded.notedAt = this.#next++;
    this.#bytes += size;
    while (this.#bytes > bytesMax) this.#forgetFirst();
  }

  forget(encoded: Encoded): void {
    if (encoded.notedAt !== undefined) this.#take(encoded.notedAt);
    encoded.forgetBytes();
  }

  forgetAll(): void {
    while (this.#first < this.#next) this.#forgetFirst();
  }

  #take(at: number): Note | undefined {
    const note = this.#notes[at % countMax];
    if (!note) return undefined;
    this.#notes[at % countMax] = undefined;
    note.encoded.notedAt = undefined;
    this.#bytes -= note.size;
    return note;
  }

  #forgetFirst(): void {
    this.#take(this.#first++)?.encoded.forgetBytes();
  }
}
