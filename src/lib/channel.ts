/** A bounded queue between a producer and one async consumer. When it is full, `push` refuses and the producer decides. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #limit: number;
  #items: T[] = [];
  #head = 0;
  #closed = false;
  #error: unknown;
  #wake: (() => void) | undefined;
  #onClose: (() => void) | undefined;

  /** `onClose` runs once, when the consumer stops or the producer closes. */
  constructor(limit: number, onClose?: () => void) {
    this.#limit = limit;
    this.#onClose = onClose;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether the item was taken; false when the channel is full or closed. */
  push(item: T): boolean {
    if (this.#closed || this.size >= this.#limit) return false;
    this.#items.push(item);
    this.#wakeConsumer();
    return true;
  }

  /** Ends the consumer's loop after the items that are queued; with an error it throws there. */
  close(error?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    this.#wakeConsumer();
    this.#onClose?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    try {
      for (;;) {
        while (this.#head < this.#items.length) {
          const item = this.#items[this.#head] as T;
          this.#items[this.#head++] = undefined as T;
          if (this.#head === this.#items.length) {
            this.#items = [];
            this.#head = 0;
          }
          yield item;
        }
        if (this.#closed) {
          if (this.#error !== undefined) throw this.#error;
          return;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.close();
    }
  }

  #wakeConsumer(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
