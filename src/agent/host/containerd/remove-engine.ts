import { execFile } from "node:child_process";
import { readdir, readFile, rm, rmdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { type Clock, sleep } from "../../../lib/index.ts";
import { readIfThere } from "../text-files.ts";
import type { ContainerdPaths } from "./config.ts";
import { parseMounts } from "./machine.ts";
import { askAgainMs, containerdGraceMs, endProcess, killMsMax, runningPid, signalProcess } from "./processes.ts";

/** Where CNI's library keeps what its plugins answered; the one place that cannot be set (containernetworking/cni, libcni). */
const cniResults = "/var/lib/cni/results";

export interface RemoveEngineOptions {
  readonly paths: ContainerdPaths;
  /** The cgroup below which all containers were started. */
  readonly cgroupRoot: string;
  readonly clock: Clock;
}

/**
 * Ends one containerd and everything that it started, and removes all that it left: shims and their sockets, containers,
 * cgroups, mounts and files. Containers of others are not touched. Interrupted, it can be run again.
 */
export async function removeEngine({ paths, cgroupRoot, clock }: RemoveEngineOptions): Promise<void> {
  const pid = await runningPid(paths);
  if (pid !== undefined) await endProcess(pid, clock, containerdGraceMs);
  await killContainers({ paths, cgroupRoot, clock });
  for (const cgroup of await cgroupsOf(cgroupRoot)) await removeCgroup(cgroup);
  await unmountBelow([paths.state, paths.root]);
  await removeSharedFiles(paths);
  for (const path of [
    paths.root,
    paths.state,
    paths.socket,
    `${paths.socket}.ttrpc`,
    paths.config,
    paths.pid,
    paths.bootId,
  ])
    await rm(path, { recursive: true, force: true });
}

/** Kills all that containers run, and their shims, whether or not an engine looks after them; says whether there was any. */
export async function killContainers({ paths, cgroupRoot, clock }: RemoveEngineOptions): Promise<boolean> {
  const cgroups = await cgroupsOf(cgroupRoot);
  return killAll(async () => [...(await shimsOf(paths)), ...(await processesBelow(cgroups))], clock);
}

/** Kills until there is none: a process that is killed may have started another one. */
async function killAll(find: () => Promise<readonly number[]>, clock: Clock): Promise<boolean> {
  const giveUpAtMs = clock.monotonicMs() + killMsMax;
  for (let any = false; ; any = true) {
    const found = await find();
    if (found.length === 0) return any;
    if (clock.monotonicMs() > giveUpAtMs) throw new Error(`processes ${found.join(", ")} cannot be killed`);
    for (const pid of found) signalProcess(pid, "SIGKILL");
    await sleep(clock, askAgainMs);
  }
}

/** The shims that report to this containerd: they say its socket on their command line. */
async function shimsOf(paths: ContainerdPaths): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const words = (await readIfThere(`/proc/${name}/cmdline`)).split("\0");
    const isShim = basename(words[0] ?? "").startsWith("containerd-shim");
    if (isShim && words[words.indexOf("-address") + 1] === paths.socket) found.push(Number(name));
  }
  return found;
}

/** A cgroup's directory in every hierarchy. */
async function cgroupsOf(cgroup: string): Promise<string[]> {
  const mounts = parseMounts(await readFile("/proc/self/mounts", "utf8"));
  return mounts.filter(({ type }) => type === "cgroup" || type === "cgroup2").map(({ path }) => join(path, cgroup));
}

async function processesBelow(cgroups: readonly string[]): Promise<number[]> {
  const found = new Set<number>();
  for (const cgroup of cgroups) {
    for (const pid of (await readIfThere(join(cgroup, "cgroup.procs"))).split("\n"))
      if (pid !== "") found.add(Number(pid));
    const inner = (await directoriesIn(cgroup)).map((name) => join(cgroup, name));
    for (const pid of await processesBelow(inner)) found.add(pid);
  }
  return [...found];
}

/** From the leaves up: only an empty cgroup can be removed. */
async function removeCgroup(path: string): Promise<void> {
  for (const name of await directoriesIn(path)) await removeCgroup(join(path, name));
  await rmdir(path).catch(unlessMissing);
}

async function directoriesIn(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    unlessMissing(error);
    return [];
  }
}

/** The last mounted first. Lazily: a process of somebody else may look into one. */
export async function unmountBelow(directories: readonly string[]): Promise<void> {
  const mounts = parseMounts(await readFile("/proc/self/mounts", "utf8"));
  const ours = mounts.filter(({ path }) => directories.some((directory) => path.startsWith(`${directory}/`)));
  for (const { path } of ours.reverse()) await promisify(execFile)("umount", ["--lazy", path]);
}

/** What lies outside of the data directory: the shims' sockets below /run/containerd and CNI's notes about sandboxes. */
async function removeSharedFiles(paths: ContainerdPaths): Promise<void> {
  const bundles = join(paths.state, "io.containerd.runtime.v2.task", "k8s.io");
  const ids = await directoriesIn(bundles);
  for (const id of ids) {
    const address = (await readIfThere(join(bundles, id, "address"))).trim();
    if (address.startsWith("unix://")) await rm(address.slice("unix://".length), { force: true });
  }
  const sandboxes = new Set([
    ...ids,
    ...(await directoriesIn(join(paths.root, "io.containerd.grpc.v1.cri", "sandboxes"))),
  ]);
  const results = await readdir(cniResults).catch((error) => {
    unlessMissing(error);
    return [];
  });
  // NETWORK-SANDBOX-INTERFACE
  for (const name of results) if (name.split("-").some((part) => sandboxes.has(part))) await rm(join(cniResults, name));
}

function unlessMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
