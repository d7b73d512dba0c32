import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a directory with those on its way, each readable by its owner only. Node's own recursive mkdir never returns where
 * the kernel lets nobody make a directory and says ENOENT, as below /proc.
 */
export function makeDirectories(path: string): void {
  if (existsSync(path)) return;
  makeDirectories(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another command made it in between.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
