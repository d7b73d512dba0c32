import { type Clock, errorMessage, type Logger, pause } from "../lib/index.ts";

const dayMs = 24 * 3600 * 1000;

/** Runs `renew` once a day until the signal ends it. What fails is tried again the next day: there are months left. */
export async function renewDaily(
  { clock, log, signal }: { clock: Clock; log: Logger; signal: AbortSignal },
  renew: () => Promise<void>,
): Promise<void> {
  for (;;) {
    await pause(clock, dayMs, signal);
    if (signal.aborted) return;
    try {
      await renew();
    } catch (error) {
      log.error("the certificates could not be renewed", { error: errorMessage(error) });
    }
  }
}
