/** What went wrong in one sentence for the person at the command line: the cause and how to mend it. Exit code 1. */
export class UserError extends Error {
  constructor(sentence: string, options?: ErrorOptions) {
    super(sentence, options);
    this.name = "UserError";
  }
}
