/**
 * Puts off steps until all that came in with this turn of the event loop was read and worked on. Answers that leave then,
 * one right after the other, wake the other end once; each on its own wakes it again and again, and that costs more than
 * everything else that an answer costs.
 */
export class TurnEnd {
  #steps: (() => void)[] = [];

  add(step: () => void): void {
    this.#steps.push(step);
    if (this.#steps.length === 1) setImmediate(this.#run);
  }

  readonly #run = () => {
    const steps = this.#steps;
    this.#steps = [];
    for (const step of steps) step();
  };
}
