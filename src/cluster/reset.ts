import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { removeEngine } from "../agent/host/containerd/index.ts";
import { type Logger, systemClock } from "../lib/index.ts";
import { networkNames, run, tearDownNodeNetwork } from "../network/index.ts";
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
  await unmountBelow(directory.root);
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

/** Unmounts what is mounted below a directory, the deepest first; removing files under a mount would reach into it. */
async function unmountBelow(root: string): Promise<void> {
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .map((path) =>
      path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter((path) => path.startsWith(join(root, "/")))
    .sort((a, b) => b.length - a.length);
  for (const mount of mounts) await run("umount", ["--lazy", mount]);
}
