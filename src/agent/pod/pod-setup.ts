import type { Pod } from "../../api/index.ts";
import { errorMessage, isAbort } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import { describePod } from "./pod-containers.ts";

/** The pauses between tries: doubling from the first to the last. */
const retryMs = { first: 500, max: 30_000 };

/** The steps of one pod's setup and teardown, one at a time; a step that failed is tried again later. */
export class PodSetup {
  readonly #context: AgentContext;
  readonly #pod: () => Pod;
  readonly #changed: () => void;
  #busy = false;
  #failures = 0;
  /** In monotonic time: the clock may be set meanwhile. */
  #retryAtMs = 0;

  /** `changed` is called when a step has ended, and when one may be tried again. */
  constructor(context: AgentContext, pod: () => Pod, changed: () => void) {
    this.#context = context;
    this.#pod = pod;
    this.#changed = changed;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** How long a step that failed is not tried again. */
  get waitMs(): number {
    return Math.max(0, this.#retryAtMs - this.#context.clock.monotonicMs());
  }

  /** What was missing may be there now. */
  retryNow(): void {
    this.#retryAtMs = 0;
  }

  /** Runs a step, unless one is under way; `operation` is what it is measured as. */
  run(what: string, operation: "create" | "sync", work: () => Promise<void>): void {
    if (this.#busy) return;
    this.#busy = true;
    void this.#run(what, operation, work);
  }

  async #run(what: string, operation: "create" | "sync", work: () => Promise<void>): Promise<void> {
    const { clock, log, metrics } = this.#context;
    const startMs = clock.monotonicMs();
    try {
      await work();
      this.#failures = 0;
    } catch (error) {
      const delayMs = Math.min(retryMs.max, retryMs.first * 2 ** this.#failures++);
      this.#retryAtMs = clock.monotonicMs() + delayMs;
      clock.setTimer(delayMs, this.#changed);
      if (!isAbort(error)) log.warn(`cannot ${what}`, { pod: describePod(this.#pod()), error: errorMessage(error) });
    } finally {
      metrics?.stepDone(operation, (clock.monotonicMs() - startMs) / 1000);
      this.#busy = false;
      this.#changed();
    }
  }
}
