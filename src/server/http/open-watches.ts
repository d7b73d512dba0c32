import { type Clock, sleep } from "../../lib/index.ts";

/** A watch that is open, and what ends it. */
export interface OpenWatch {
  readonly signal: AbortSignal;
  /** To be called when it has ended. */
  close(): void;
}

/** Watches end one after the other and not all at once: each ends for a client that then starts anew. */
const gapMs = 1;
const spreadMsMax = 1_000;
const stepMs = 10;

/** The watches of a server. */
export class OpenWatches {
  readonly #open = new Set<AbortController>();
  #isEnded = false;

  open(client: AbortSignal): OpenWatch {
    const end = new AbortController();
    if (this.#isEnded) end.abort();
    this.#open.add(end);
    return { signal: AbortSignal.any([client, end.signal]), close: () => this.#open.delete(end) };
  }

  /** Ends all of them, evenly in up to a second; those that come later end at once. */
  async endAll(clock: Clock): Promise<void> {
    const steps = Math.ceil(Math.min(this.#open.size * gapMs, spreadMsMax) / stepMs);
    const share = Math.ceil(this.#open.size / Math.max(steps, 1));
    for (let step = 1; step < steps; step++) {
      this.#end(share);
      await sleep(clock, stepMs);
    }
    this.#isEnded = true;
    this.#end(this.#open.size);
  }

  #end(count: number): void {
    let left = count;
    for (const end of this.#open) {
      if (left-- === 0) return;
      this.#open.delete(end);
      end.abort();
    }
  }
}
