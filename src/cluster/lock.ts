import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../lib/index.ts";
import { recordOf, startTicksOf } from "./processes.ts";

/** Lets one command at a time change a cluster. Returns what ends the lock; a lock whose holder is gone is taken over. */
export function lockCluster(root: string): () => void {
  const path = join(root, "lock");
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = openSync(path, "wx", 0o600);
      writeSync(file, JSON.stringify(recordOf(process.pid)));
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (holderLives(path)) break;
    rmSync(path, { force: true });
  }
  throw new UserError(`another roder command works on ${root}: wait until it is done`);
}

function holderLives(path: string): boolean {
  try {
    const holder = JSON.parse(readFileSync(path, "utf8")) as { pid: number; startTicks: number };
    return startTicksOf(holder.pid) === holder.startTicks;
  } catch {
    return false; // Gone in between, or torn by a crash.
  }
}
