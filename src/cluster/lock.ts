import { spawnSync } from "node:child_process";
import { closeSync, fstatSync, openSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../lib/index.ts";

export interface ClusterLock {
  /** Doing it again changes nothing. */
  release(): void;
  /** Releases the lock and removes its file, when nothing is left that it could guard. */
  remove(): void;
}

/**
 * Lets one command at a time change a cluster. The kernel holds the lock for the open file and lets go when this process
 * ends, however that is. Node has no call for flock(2), so the program of that name locks the file that it inherits.
 */
export function lockCluster(root: string): ClusterLock {
  const path = join(root, "lock");
  const file = openSync(path, "a", 0o600);
  try {
    const { error, status } = spawnSync("flock", ["--nonblock", "3"], { stdio: ["ignore", "ignore", "ignore", file] });
    if (error) throw new UserError("the program flock is missing: install util-linux and try again", { cause: error });
    // The one who held it may have removed the file meanwhile.
    if (status !== 0 || !isFileAt(path, file)) {
      throw new UserError(`another roder command works on ${root}: wait until it is done`);
    }
  } catch (error) {
    closeSync(file);
    throw error;
  }
  let isOpen = true;
  const release = () => {
    if (isOpen) closeSync(file);
    isOpen = false;
  };
  return {
    release,
    remove() {
      rmSync(path, { force: true });
      release();
    },
  };
}

function isFileAt(path: string, file: number): boolean {
  return statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(file).ino;
}
