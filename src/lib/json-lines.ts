import { parseJson } from "./json.ts";
/** Cuts a stream of text into the JSON values of its lines. */
export class JsonLines {
  readonly #charactersMax: number;
  #rest = "";

  /** A line longer than `charactersMax` is an error: whoever sends it means no good or is broken. */
  constructor(charactersMax: number) {
    this.#charactersMax = charactersMax;
  }

  /** The values of the lines that `chunk` completes. */
  *push(chunk: string): Iterable<unknown> {
    let from = 0;
    // The rest holds no line end: only the chunk needs a look.
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", from)) {
      const line = this.#rest + chunk.slice(from, end);
      this.#rest = "";
      from = end + 1;
      if (line.trim() !== "") yield parseJson(line);
    }
    this.#rest += chunk.slice(from);
    if (this.#rest.length > this.#charactersMax)
      throw new Error(`a line is longer than ${this.#charactersMax} characters`);
  }
}
