import { errorMessage, type Logger } from "../lib/index.ts";
import { processLogger } from "./log.ts";

/** How long a component may take to end in order; then it ends anyway: what was acknowledged is on disk. */
const stopMsMax = 20_000;

/**
 * Runs a component as this process until it is asked to end (SIGTERM, SIGINT). `start` resolves with what ends it.
 * A failure to start is the last line of the log, for `roder up` to tell.
 */
export async function runComponent(
  name: string,
  start: (log: Logger, signal: AbortSignal) => Promise<() => Promise<void>>,
): Promise<void> {
  const log = processLogger(name);
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopping.abort());
  // A terminal that closes does not end the cluster.
  process.on("SIGHUP", () => {});
  process.on("uncaughtException", (error) => {
    log.fatal("the process ends after an error that nothing handled", { error: error.stack ?? error.message });
    process.exit(1);
  });
  let stop: () => Promise<void>;
  try {
    stop = await start(log, stopping.signal);
  } catch (error) {
    log.fatal("could not start", { error: errorMessage(error) });
    process.exit(1);
  }
  if (!stopping.signal.aborted) {
    await new Promise<void>((resolve) => stopping.signal.addEventListener("abort", () => resolve(), { once: true }));
  }
  const late = setTimeout(() => process.exit(1), stopMsMax);
  await stop();
  clearTimeout(late);
  process.exit(0);
}
