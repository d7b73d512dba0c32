// Files that are made once and kept between runs, until nobody has asked for them for a while.
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../lib/index.ts";

/** What is not used for so long was made by a recipe that has changed since. */
const unusedMsMax = 14 * 86_400_000;

/** The archives in one directory. Several processes may use it at the same time, and make the same one. */
export class ArchiveCache {
  readonly #directory: string;
  readonly #clock: Clock;

  constructor(directory: string, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  /** The path of the archive; `make` writes it where it is told when there is none. Archives that are not used any more go then. */
  async get(name: string, make: (temporary: string) => void | Promise<void>): Promise<string> {
    const path = join(this.#directory, `${name}.tar`);
    if (this.#touch(path)) return path;
    mkdirSync(this.#directory, { recursive: true });
    // Nobody sees a file before it is whole. Its ending tells programs that make it what to make.
    const making = mkdtempSync(join(this.#directory, `${name}.`));
    const temporary = join(making, "archive.tar");
    try {
      this.#touch(making);
      await make(temporary);
      this.#touch(temporary);
      renameSync(temporary, path);
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
    this.#dropUnused();
    return path;
  }

  /** Notes the use of an archive in its time of change; false when it is not there. */
  #touch(path: string): boolean {
    const now = this.#clock.now() / 1000;
    try {
      utimesSync(path, now, now);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    }
  }

  /** Also what was left half-made. Who reads an archive at this moment still reads it to its end. */
  #dropUnused(): void {
    for (const name of readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      // Another process may have dropped it a moment ago.
      const usedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
      if (usedMs !== undefined && this.#clock.now() - usedMs > unusedMsMax)
        rmSync(path, { recursive: true, force: true });
    }
  }
}
