import { existsSync, type FSWatcher, watch } from "node:fs";
import { basename } from "node:path";
import { type Clock, errorMessage, type Logger, type Timer } from "../lib/index.ts";
import type { DataDirectory } from "./data-directory.ts";
import { readGuardFiles } from "./guard-files.ts";
import type { GuardSettings } from "./guards.ts";

export interface WatchGuardFilesOptions {
  readonly directory: DataDirectory;
  readonly ownIssuer: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Several files, and several writes of one, are read together. */
const settleMs = 200;

/** Calls `use` with what the files say when they change. What cannot be used is logged, and what counted goes on to count. */
export function watchGuardFiles(options: WatchGuardFilesOptions, use: (settings: GuardSettings) => void): void {
  const { directory, ownIssuer, clock, log, signal } = options;
  const { root, guards } = directory;
  let timer: Timer | undefined;
  let reading = Promise.resolve();
  let files: FSWatcher | undefined;

  const read = async () => {
    try {
      use(await readGuardFiles(directory, ownIssuer));
      log.info("the files that say who may come in were read again", { directory: guards });
    } catch (error) {
      log.error("the files that say who may come in changed and cannot be used", { error: errorMessage(error) });
    }
  };
  const changed = () => {
    timer?.cancel();
    timer = clock.setTimer(settleMs, () => {
      reading = reading.then(read);
    });
  };
  const watching = (path: string, on: (name: string | null) => void): FSWatcher | undefined => {
    const unwatched = (error: unknown) =>
      log.warn("changes count from the next start on", { directory: path, error: errorMessage(error) });
    try {
      const watcher = watch(path, { persistent: false }, (_, name) => on(name));
      watcher.on("error", unwatched);
      return watcher;
    } catch (error) {
      // The machine lets a user watch only so many places.
      unwatched(error);
      return undefined;
    }
  };
  const watchFiles = () => {
    files?.close();
    files = existsSync(guards) ? watching(guards, changed) : undefined;
  };
  // The directory itself may come later, and go.
  const above = watching(root, (name) => {
    if (name !== basename(guards)) return;
    watchFiles();
    changed();
  });
  watchFiles();
  signal.addEventListener("abort", () => {
    timer?.cancel();
    files?.close();
    above?.close();
  });
}
