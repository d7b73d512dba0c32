/** How many entries stand together: a change moves at most as many. */
const chunkSizeMax = 512;

interface Chunk<Value> {
  readonly keys: string[];
  readonly values: Value[];
}

/**
 * A map in the order of its keys, in chunks, so that a change costs much the same however many entries there are. What
 * `list` gave never changes: the next change leaves it to those who have it.
 */
export class SortedMap<Value> {
  /** None of them is empty. */
  #chunks: Chunk<Value>[] = [];
  #size = 0;
  #list: readonly Value[] | undefined;

  get size(): number {
    return this.#size;
  }

  /** All values; the same array until the next change. */
  list(): readonly Value[] {
    this.#list ??= joined(this.#chunks.map(({ values }) => values));
    return this.#list;
  }

  /** The values of the keys from `from` up to but not including `to`. */
  range(from: string, to: string): Value[] {
    const found: Value[][] = [];
    for (let at = this.#chunkOf(from); at < this.#chunks.length && this.#chunks[at]!.keys[0]! < to; at++) {
      const { keys, values } = this.#chunks[at]!;
      found.push(values.slice(position(keys, from), position(keys, to)));
    }
    return joined(found);
  }

  set(key: string, value: Value): void {
    this.#list = undefined;
    const chunk = this.#chunks[this.#chunkOf(key)] ?? this.#append();
    const { keys, values } = chunk;
    const at = position(keys, key);
    if (keys[at] === key) {
      values[at] = value;
      return;
    }
    this.#size++;
    if (keys.length < chunkSizeMax) insert(chunk, at, key, value);
    else if (at === keys.length && chunk === this.#chunks.at(-1)) insert(this.#append(), 0, key, value);
    else insert(...this.#parted(chunk, at), key, value);
  }

  delete(key: string): void {
    const index = this.#chunkOf(key);
    const chunk = this.#chunks[index];
    if (!chunk) return;
    const at = position(chunk.keys, key);
    if (chunk.keys[at] !== key) return;
    this.#list = undefined;
    this.#size--;
    chunk.keys.splice(at, 1);
    chunk.values.splice(at, 1);
    if (chunk.keys.length === 0) this.#chunks.splice(index, 1);
  }

  /** Where the chunk is that `key` belongs to: the last that begins no later, or else the first. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#chunks[middle]!.keys[0]! <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #append(): Chunk<Value> {
    const chunk = { keys: [], values: [] };
    this.#chunks.push(chunk);
    return chunk;
  }

  /** Makes two of a full chunk; gives the one that an entry at `at` belongs to, and where it does there. */
  #parted(chunk: Chunk<Value>, at: number): [chunk: Chunk<Value>, at: number] {
    const half = chunkSizeMax >> 1;
    const later = { keys: chunk.keys.splice(half), values: chunk.values.splice(half) };
    this.#chunks.splice(this.#chunks.indexOf(chunk) + 1, 0, later);
    return at <= half ? [chunk, at] : [later, at - half];
  }
}

function insert<Value>({ keys, values }: Chunk<Value>, at: number, key: string, value: Value): void {
  keys.splice(at, 0, key);
  values.splice(at, 0, value);
}

/** Where `key` is, or would be inserted. */
function position(keys: readonly string[], key: string): number {
  const last = keys.length - 1;
  // Entries mostly come in order when they are loaded.
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

/** As `flat`, which goes from one value to the next. */
function joined<Value>(parts: readonly Value[][]): Value[] {
  const none: Value[] = [];
  return none.concat(...parts);
}
