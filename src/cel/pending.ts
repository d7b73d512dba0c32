/** An evaluation needs an answer that must be waited for; afterwards it starts again and finds the answer there. */
export class PendingError extends Error {
  readonly answer: Promise<unknown>;
  constructor(answer: Promise<unknown>) {
    super("the evaluation waits for an answer");
    this.answer = answer;
  }
}
