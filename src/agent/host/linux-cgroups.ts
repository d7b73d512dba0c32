// The cgroups of pods, in whatever hierarchies the machine has: one (v2), one for each controller (v1), or both (hybrid).
import { access, constants, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { type CgroupLimits, cpuPeriod, cpuSharesMax, cpuSharesMin, type HostCgroups } from "../host.ts";
import { cgroupUse, parseInterfaces } from "./linux-cgroup-use.ts";
import { textIfThere } from "./text-files.ts";

export interface CgroupHierarchy {
  readonly root: string;
  readonly version: 1 | 2;
  /** The controllers that this hierarchy manages; none where it only tells processes apart: systemd's own, and v2 beside v1. */
  readonly controllers: readonly string[];
}

/** What a pod's cgroup is made for; the runtime makes what else its containers need. */
const usedControllers = ["cpu", "cpuset", "io", "memory", "pids", "hugetlb"];

export function linuxCgroups(hierarchies: () => Promise<readonly CgroupHierarchy[]> = readHierarchies): HostCgroups {
  let known: Promise<readonly CgroupHierarchy[]> | undefined;
  const all = () => {
    known ??= hierarchies();
    return known;
  };
  return {
    async ensure(path, limits) {
      for (const hierarchy of await all()) {
        if (hierarchy.controllers.length === 0) continue;
        if (hierarchy.version === 2) await enableControllers(hierarchy, path);
        await mkdir(hierarchy.root + path, { recursive: true });
        for (const [file, value] of cgroupFiles(hierarchy, limits)) {
          await writeFile(`${hierarchy.root}${path}/${file}`, value);
        }
      }
    },
    async remove(path) {
      // Runtimes make it in hierarchies without controllers too, and leave it there.
      for (const { root } of await all()) await removeTree(root + path);
    },
    use: async (path) => cgroupUse(await all(), path, textIfThere),
    async network(path) {
      for (const { root, controllers } of await all()) {
        if (controllers.length === 0) continue;
        const [pid] = ((await textIfThere(`${root}${path}/cgroup.procs`)) ?? "").split("\n");
        if (pid) return parseInterfaces((await textIfThere(`/proc/${pid}/net/dev`)) ?? "");
      }
      return [];
    },
  };
}

/** Which files of a cgroup say the limits, and what. */
export function cgroupFiles({ version, controllers }: CgroupHierarchy, limits: CgroupLimits): [string, string][] {
  const { cpuShares, cpuQuota, memoryLimitBytes } = limits;
  const files: [string, string][] = [];
  if (controllers.includes("cpu")) {
    if (version === 2)
      files.push(["cpu.weight", String(weightOf(cpuShares))], ["cpu.max", `${cpuQuota ?? "max"} ${cpuPeriod}`]);
    else
      files.push(
        ["cpu.shares", String(cpuShares)],
        ["cpu.cfs_period_us", String(cpuPeriod)],
        ["cpu.cfs_quota_us", String(cpuQuota ?? -1)],
      );
  }
  if (controllers.includes("memory")) {
    files.push(
      version === 2
        ? ["memory.max", String(memoryLimitBytes ?? "max")]
        : ["memory.limit_in_bytes", String(memoryLimitBytes ?? -1)],
    );
  }
  return files;
}

/** From 2…262144 to 1…10000, as runtimes convert it (KEP-2254). */
function weightOf(shares: number): number {
  return Math.floor(1 + ((shares - cpuSharesMin) * 9_999) / (cpuSharesMax - cpuSharesMin));
}

/** A v2 cgroup has only the controllers that every one above it passes on. */
async function enableControllers({ root, controllers }: CgroupHierarchy, path: string): Promise<void> {
  const wanted = usedControllers.filter((each) => controllers.includes(each));
  if (wanted.length === 0) return;
  const parts = path.split("/").filter((part) => part !== "");
  for (let depth = 0; depth < parts.length; depth++) {
    const directory = [root, ...parts.slice(0, depth)].join("/");
    await mkdir(directory, { recursive: true });
    const enabled = (await readFile(`${directory}/cgroup.subtree_control`, "utf8")).split(/\s+/);
    const missing = wanted.filter((each) => !enabled.includes(each));
    if (missing.length > 0)
      await writeFile(`${directory}/cgroup.subtree_control`, missing.map((each) => `+${each}`).join(" "));
  }
}

async function removeTree(path: string): Promise<void> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    for (const entry of entries) if (entry.isDirectory()) await removeTree(`${path}/${entry.name}`);
    await rmdir(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    throw error;
  }
}

async function readHierarchies(): Promise<readonly CgroupHierarchy[]> {
  const found = parseHierarchies(await readFile("/proc/self/mountinfo", "utf8"));
  const complete: CgroupHierarchy[] = [];
  for (const each of found) {
    if (each.version === 1) complete.push(each);
    else {
      const text = await readFile(`${each.root}/cgroup.controllers`, "utf8");
      complete.push({ ...each, controllers: text.split(/\s+/).filter((name) => name !== "") });
    }
  }
  const writable = await Promise.all(
    complete.map(({ root }) =>
      access(root, constants.W_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return complete.filter((_each, index) => writable[index]);
}

/** The cgroup file systems of a mountinfo; the controllers of v2 are not in there. */
export function parseHierarchies(mountinfo: string): CgroupHierarchy[] {
  const found: CgroupHierarchy[] = [];
  for (const line of mountinfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    const root = left.split(" ")[4] ?? "";
    const [type, , options = ""] = right.split(" ");
    if (type === "cgroup2") found.push({ root, version: 2, controllers: [] });
    // A v1 hierarchy with a name has no controllers (systemd's own).
    if (type === "cgroup") {
      const isNamed = options.includes("name=");
      const controllers = isNamed ? [] : options.split(",").filter((each) => each !== "rw");
      found.push({ root, version: 1, controllers });
    }
  }
  return found;
}
