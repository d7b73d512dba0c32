/**
 * Wakes who waits for certain objects when one of these changes. Asking everybody at every change would cost the square of
 * the number of pods that wait.
 */
export class ChangeWaiters {
  readonly #waiting = new Map<string, Set<() => void>>();

  /**
   * Resolves when `isDone` says so, which is asked now and whenever `tell` names one of the keys. Rejects with what it
   * throws, or with the signal's reason.
   */
  wait(keys: readonly string[], isDone: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        signal.removeEventListener("abort", onAbort);
        for (const key of keys) {
          const waiting = this.#waiting.get(key);
          waiting?.delete(ask);
          if (waiting?.size === 0) this.#waiting.delete(key);
        }
        settle();
      };
      const onAbort = () => end(() => reject(signal.reason));
      const ask = () => {
        try {
          if (isDone()) end(resolve);
        } catch (error) {
          end(() => reject(error));
        }
      };
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      signal.addEventListener("abort", onAbort, { once: true });
      for (const key of keys) this.#waiting.getOrInsertComputed(key, () => new Set()).add(ask);
      ask();
    });
  }

  /** Something is known of `key` that was not before. */
  tell(key: string): void {
    for (const ask of [...(this.#waiting.get(key) ?? [])]) ask();
  }
}
