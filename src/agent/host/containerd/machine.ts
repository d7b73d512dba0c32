// What the machine can do for containers: facts read from it, and what follows from them.
import { access, constants } from "node:fs/promises";
import { arch, release } from "node:os";
import { join } from "node:path";
import { machineText } from "../text-files.ts";

/** What was read, as it was read; a file that is not there is empty. */
export interface MachineFacts {
  /** /proc/self/mounts */
  readonly mounts: string;
  /** /proc/self/status */
  readonly status: string;
  /** /proc/filesystems */
  readonly filesystems: string;
  /** The names of the kernel's modules, loadable and built in: modules.dep and modules.builtin. */
  readonly modules: string;
  /** The paths of the programs that were found, by name. */
  readonly programs: Readonly<Record<string, string>>;
  /** Where the engine will keep images and containers. */
  readonly directory: string;
}

export type CgroupMode = "v1" | "hybrid" | "v2" | "none";

export interface Machine {
  /** hybrid: the controllers are in v1 hierarchies and an empty v2 hierarchy lies beside them. */
  readonly cgroupMode: CgroupMode;
  /** Whether a process may be made less likely to be killed for memory than it is (CAP_SYS_RESOURCE). */
  readonly canLowerOomScore: boolean;
  readonly snapshotter: "overlayfs" | "native";
  /** The OCI runtime that works here; undefined when there is none. */
  readonly runtime: { readonly name: "runc" | "crun"; readonly path: string } | undefined;
  /** Why containers cannot run here: sentences that say what is missing and how to get it. Empty when they can. */
  readonly missing: readonly string[];
}

/** The programs that the engine is made of. */
const enginePrograms = ["containerd", "containerd-shim-runc-v2", "ctr", "runc", "crun"] as const;
/** The controllers that pods' requests and limits need. */
const neededControllers = ["cpu", "memory", "pids"];
/** The bit of CAP_SYS_RESOURCE in the capability sets (linux/capability.h). */
const capSysResource = 24n;

export async function readMachineFacts(directory: string): Promise<MachineFacts> {
  const modules = `/lib/modules/${release()}`;
  const [mounts, status, filesystems, loadable, builtIn] = await Promise.all(
    [
      "/proc/self/mounts",
      "/proc/self/status",
      "/proc/filesystems",
      `${modules}/modules.dep`,
      `${modules}/modules.builtin`,
    ].map(machineText),
  );
  const found: Record<string, string> = {};
  for (const name of enginePrograms) {
    const path = await findProgram(name);
    if (path !== undefined) found[name] = path;
  }
  return {
    mounts: mounts!,
    status: status!,
    filesystems: filesystems!,
    modules: `${loadable}\n${builtIn}`,
    programs: found,
    directory,
  };
}

/** What follows from the facts. */
export function detectMachine(facts: MachineFacts): Machine {
  const mounts = parseMounts(facts.mounts);
  const cgroupMode = detectCgroupMode(mounts);
  const runtime = chooseRuntime(facts.programs, cgroupMode);
  const missing: string[] = [];
  const absent = enginePrograms.filter((name) => name !== "runc" && name !== "crun" && !facts.programs[name]);
  if (absent.length > 0) missing.push(`${absent.join(" and ")} not found: install the package containerd`);
  if (!runtime) missing.push(`no OCI runtime that works with cgroups ${cgroupMode}: install the package runc`);
  if (cgroupMode === "none") missing.push("no cgroups: mount a cgroup2 filesystem on /sys/fs/cgroup");
  if (cgroupMode === "v1" || cgroupMode === "hybrid") {
    const lacking = neededControllers.filter(
      (name) => !mounts.some((m) => m.type === "cgroup" && m.options.includes(name)),
    );
    if (lacking.length > 0) missing.push(`the cgroup controllers ${lacking.join(", ")} are not mounted`);
  }
  return {
    cgroupMode,
    canLowerOomScore: hasCapability(facts.status, capSysResource),
    snapshotter: overlayWorks(facts, mounts) ? "overlayfs" : "native",
    runtime,
    missing,
  };
}

interface MountEntry {
  readonly path: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** The lines of /proc/mounts (fstab(5)); spaces in paths are written as \040. */
export function parseMounts(table: string): readonly MountEntry[] {
  return table
    .split("\n")
    .map((line) => line.split(" "))
    .filter((fields) => fields.length >= 4)
    .map(([, path, type, options]) => ({
      path: path!.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
      type: type!,
      options: options!.split(","),
    }));
}

function detectCgroupMode(mounts: readonly MountEntry[]): CgroupMode {
  // A later mount on the same path hides the earlier.
  const root = mounts.findLast((mount) => mount.path === "/sys/fs/cgroup");
  if (root?.type === "cgroup2") return "v2";
  const hasV1 = mounts.some((mount) => mount.type === "cgroup");
  const hasV2 = mounts.some((mount) => mount.type === "cgroup2");
  if (hasV1) return hasV2 ? "hybrid" : "v1";
  return "none";
}

/** runc wherever it is: crun refuses hybrid hierarchies, and runc is what containerd is tested with. */
function chooseRuntime(programs: MachineFacts["programs"], cgroupMode: CgroupMode): Machine["runtime"] {
  if (programs.runc) return { name: "runc", path: programs.runc };
  if (programs.crun && cgroupMode !== "hybrid") return { name: "crun", path: programs.crun };
  return undefined;
}

function hasCapability(status: string, bit: bigint): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> bit) & 1n) === 1n;
}

/** Whether the kernel has overlayfs and the directory's filesystem may be its upper layer: an overlay itself may not. */
function overlayWorks(facts: MachineFacts, mounts: readonly MountEntry[]): boolean {
  const inKernel = /\boverlay$/m.test(facts.filesystems) || /\/overlay\.ko\b/.test(facts.modules);
  const holding = mounts
    .filter((mount) => `${facts.directory}/`.startsWith(mount.path === "/" ? "/" : `${mount.path}/`))
    .reduce<MountEntry | undefined>(
      (best, each) => (best && best.path.length > each.path.length ? best : each),
      undefined,
    );
  return inKernel && holding?.type !== "overlay";
}

/** Where a program is: PATH first, then the system's folders, which the PATH of a service may lack. */
async function findProgram(name: string): Promise<string | undefined> {
  const folders = [
    ...(process.env.PATH ?? "").split(":"),
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
  ];
  for (const folder of folders) {
    if (folder === "") continue;
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder: the next one.
    }
  }
  return undefined;
}

/** The machine's processor as image platforms name it. */
export function imageArchitecture(): "amd64" | "arm64" {
  return arch() === "arm64" ? "arm64" : "amd64";
}
