/** Lets those who contend for the same thing work one after the other, in the order in which they came. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  async take<T>(place: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(place);
    let end = () => {};
    const mine = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#last.set(place, mine);
    try {
      await before;
      return await work();
    } finally {
      end();
      if (this.#last.get(place) === mine) this.#last.delete(place);
    }
  }
}
