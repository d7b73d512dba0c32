import { type Clock, errorMessage, type Logger, sleep } from "../../../lib/index.ts";
import type { ContainerEngine } from "../../engine/index.ts";

/** Events can be lost, as when the engine restarts: this often the containers are asked for. */
const safetyNetMs = 10_000;

/** Tells when containers end. It listens to the engine only while somebody wants to know. */
export class ContainerEnds {
  readonly #engine: ContainerEngine;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #waiting = new Map<string, Set<() => void>>();
  #listening: AbortController | undefined;

  constructor(engine: ContainerEngine, clock: Clock, log: Logger) {
    this.#engine = engine;
    this.#clock = clock;
    this.#log = log;
  }

  /** Resolves when the container does not run, or when the signal is aborted. */
  ended(id: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiters = this.#waiting.get(id) ?? new Set();
      const done = () => {
        signal.removeEventListener("abort", done);
        waiters.delete(done);
        if (waiters.size === 0) this.#waiting.delete(id);
        if (this.#waiting.size === 0) this.#stopListening();
        resolve();
      };
      waiters.add(done);
      this.#waiting.set(id, waiters);
      signal.addEventListener("abort", done);
      if (signal.aborted) return done();
      this.#listen();
      void this.#check(id);
    });
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = new AbortController();
    void this.#readEvents(this.#listening.signal);
    void this.#checkNowAndThen(this.#listening.signal);
  }

  #stopListening(): void {
    this.#listening?.abort();
    this.#listening = undefined;
  }

  async #readEvents(signal: AbortSignal): Promise<void> {
    try {
      for await (const { type, containerId } of this.#engine.events(signal))
        if (type === "stopped" || type === "deleted") this.#tell(containerId);
    } catch (error) {
      // The safety net goes on until the last one has heard of its container's end.
      this.#log.warn("the container engine's events were lost", { error: errorMessage(error) });
    }
  }

  async #checkNowAndThen(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await sleep(this.#clock, safetyNetMs, signal);
        await Promise.all([...this.#waiting.keys()].map((id) => this.#check(id)));
      }
    } catch {
      // Nobody waits any more.
    }
  }

  async #check(id: string): Promise<void> {
    try {
      const status = await this.#engine.containerStatus(id);
      if (status?.state !== "running" && status?.state !== "created") this.#tell(id);
    } catch (error) {
      // Not being told is not the container's end; it is asked for again.
      this.#log.warn("a container's state cannot be read", { container: id, error: errorMessage(error) });
    }
  }

  #tell(id: string): void {
    for (const done of this.#waiting.get(id) ?? []) done();
  }
}
