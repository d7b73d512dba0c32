import type { KubeObject } from "../api/index.ts";
import { type Backoff, backoffMs } from "../client/index.ts";

interface Failures {
  readonly count: number;
  readonly lastMs: number;
}

/**
 * Remembers in which places pods of an owner failed, so that one whose node keeps refusing it, say, is replaced at once
 * the first time and then less and less often. A place where nothing failed for twice the longest pause is forgotten, and
 * a new specification of the owner gets a new chance.
 */
export class FailedPods {
  readonly #backoff: Backoff;
  /** By owner and place; the one that failed last is the last. */
  readonly #failures = new Map<string, Failures>();

  constructor(backoff: Backoff) {
    this.#backoff = backoff;
  }

  /** How long a failed pod in this place must be left before it may be replaced; 0: not at all. */
  waitMs(owner: KubeObject, place: string, nowMs: number): number {
    const known = this.#recent(keyOf(owner, place), nowMs);
    return known ? Math.max(0, known.lastMs + backoffMs(this.#backoff, known.count - 1) - nowMs) : 0;
  }

  /** To be called when a failed pod is being replaced. */
  note(owner: KubeObject, place: string, nowMs: number): void {
    const key = keyOf(owner, place);
    const count = (this.#recent(key, nowMs)?.count ?? 0) + 1;
    this.#failures.delete(key);
    this.#failures.set(key, { count, lastMs: nowMs });
    for (const [each, { lastMs }] of this.#failures) {
      if (!this.#isForgotten(lastMs, nowMs)) break;
      this.#failures.delete(each);
    }
  }

  #recent(key: string, nowMs: number): Failures | undefined {
    const known = this.#failures.get(key);
    return known && !this.#isForgotten(known.lastMs, nowMs) ? known : undefined;
  }

  #isForgotten(lastMs: number, nowMs: number): boolean {
    return nowMs - lastMs > 2 * this.#backoff.maxMs;
  }
}

function keyOf({ metadata }: KubeObject, place: string): string {
  return `${metadata.uid}/${metadata.generation}/${place}`;
}
