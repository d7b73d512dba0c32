import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { removeEngine, unmountBelow } from "../agent/host/containerd/index.ts";
import { type Logger, systemClock } from "../lib/index.ts";
import { networkNames, tearDownNodeNetwork } from "../network/index.ts";
import { cgroupRootOf } from "./cgroups.ts";
import type { DataDirectory } from "./data-directory.ts";
import { stopAll } from "./down.ts";
import { lockCluster } from "./lock.ts";
import { enginePaths } from "./node-engine.ts";
import { removeFromKubeconfig } from "./pki/index.ts";
import type { ClusterSettings } from "./settings.ts";

/**
 * Removes what an `up` left that was ended before it had decided anything: its lock, and its settings half written.
 * Nothing else was made by then; a directory with anything more in it is not touched.
 */
export function removeUnstarted(directory: DataDirectory): void {
  const own = new Set(["lock", `${basename(directory.settings)}.new`]);
  if (!existsSync(directory.root) || readdirSync(directory.root).some((name) => !own.has(name))) return;
  const lock = lockCluster(directory.root);
  try {
    rmSync(`${directory.settings}.new`, { force: true });
    lock.remove();
  } finally {
    lock.release();
  }
  removeIfEmpty(directory.root);
}

/** Removes the data directory itself, unless somebody keeps something else in it or it is a disk of its own. */
function removeIfEmpty(root: string): void {
  try {
    rmdirSync(root);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["ENOENT", "ENOTEMPTY", "EBUSY"].includes(code)) throw error;
  }
}

/**
 * Stops the cluster and removes all that it made: processes, containers, mounts, interfaces, rules, cgroups, files and
 * its entry in the kubeconfig. What is not its own stays, also in the data directory.
 */
export async function removeCluster(directory: DataDirectory, settings: ClusterSettings, log: Logger): Promise<void> {
  const lock = lockCluster(directory.root);
  try {
    await stopAll(directory, settings, log, 0);
    if (settings.nodes > 0) await removeNode(directory, settings);
    await removeFromKubeconfig(settings.kubeconfig, { name: settings.name, owner: directory.settings });
    removeFiles(directory);
    lock.remove();
  } finally {
    lock.release();
  }
  removeIfEmpty(directory.root);
}

async function removeNode(directory: DataDirectory, settings: ClusterSettings): Promise<void> {
  await removeEngine({ paths: enginePaths(directory), cgroupRoot: cgroupRootOf(directory), clock: systemClock });
  await tearDownNodeNetwork({ ...networkNames(settings.name), ...settings, directory: directory.cni });
  await unmountBelow([directory.root]);
}

function removeFiles(directory: DataDirectory): void {
  for (const path of [
    directory.storage,
    directory.pki,
    directory.logs,
    directory.run,
    directory.containerd,
    directory.agent,
    directory.cni,
    directory.kubeconfig,
    directory.hollow,
  ]) {
    rmSync(path, { recursive: true, force: true });
  }
  // Last: while it is there, an interrupted reset can be run again.
  rmSync(directory.settings, { force: true });
}
