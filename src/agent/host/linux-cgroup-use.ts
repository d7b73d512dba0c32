import type { CgroupUse, NetworkUse, PacketCounts } from "../host.ts";
import type { CgroupHierarchy } from "./linux-cgroups.ts";

/** Reads one file of a cgroup; undefined when it is not there. */
export type ReadFile = (path: string) => Promise<string | undefined>;

/** Undefined where there is no such cgroup. */
export async function cgroupUse(
  hierarchies: readonly CgroupHierarchy[],
  path: string,
  read: ReadFile,
): Promise<CgroupUse | undefined> {
  const of = (controller: string) => hierarchies.find(({ controllers }) => controllers.includes(controller));
  const memory = of("memory");
  const cpu = of("cpuacct") ?? of("cpu");
  if (!memory || !cpu) return undefined;
  const file = (hierarchy: CgroupHierarchy | undefined, name: string) =>
    hierarchy ? read(`${hierarchy.root}${path}/${name}`) : Promise.resolve(undefined);
  const isThere = (await file(cpu, "cgroup.procs")) !== undefined;
  if (!isThere) return undefined;
  const pids = Number((await file(of("pids"), "pids.current")) ?? 0);
  return {
    cpu: cpu.version === 2 ? await cpuV2((name) => file(cpu, name)) : await cpuV1(cpu, of("cpu"), file),
    memory:
      memory.version === 2 ? await memoryV2((name) => file(memory, name)) : await memoryV1((n) => file(memory, n)),
    processes: pids,
    blocks: await blocks(of("io"), of("blkio"), file),
  };
}

type ReadOf = (hierarchy: CgroupHierarchy | undefined, name: string) => Promise<string | undefined>;
type Read = (name: string) => Promise<string | undefined>;

async function cpuV2(file: Read): Promise<CgroupUse["cpu"]> {
  const stat = numbers(await file("cpu.stat"));
  return {
    nanoSeconds: stat("usage_usec") * 1_000,
    userNanoSeconds: stat("user_usec") * 1_000,
    systemNanoSeconds: stat("system_usec") * 1_000,
    periods: stat("nr_periods"),
    throttledPeriods: stat("nr_throttled"),
    throttledNanoSeconds: stat("throttled_usec") * 1_000,
  };
}

async function cpuV1(
  accounting: CgroupHierarchy,
  limits: CgroupHierarchy | undefined,
  file: ReadOf,
): Promise<CgroupUse["cpu"]> {
  const number = async (name: string) => Number((await file(accounting, name)) ?? 0);
  const stat = numbers(await file(limits, "cpu.stat"));
  return {
    nanoSeconds: await number("cpuacct.usage"),
    userNanoSeconds: await number("cpuacct.usage_user"),
    systemNanoSeconds: await number("cpuacct.usage_sys"),
    periods: stat("nr_periods"),
    throttledPeriods: stat("nr_throttled"),
    throttledNanoSeconds: stat("throttled_time"),
  };
}

async function memoryV2(file: Read): Promise<CgroupUse["memory"]> {
  const stat = numbers(await file("memory.stat"));
  // The root of the hierarchy does not say.
  const usageBytes = Number((await file("memory.current")) ?? stat("anon") + stat("file"));
  return {
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - stat("inactive_file")),
    rssBytes: stat("anon"),
    cacheBytes: stat("file"),
    swapBytes: Number((await file("memory.swap.current")) ?? 0),
    failures: numbers(await file("memory.events"))("max"),
  };
}

async function memoryV1(file: Read): Promise<CgroupUse["memory"]> {
  const stat = numbers(await file("memory.stat"));
  const usageBytes = Number((await file("memory.usage_in_bytes")) ?? 0);
  return {
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - stat("total_inactive_file")),
    rssBytes: stat("total_rss"),
    cacheBytes: stat("total_cache"),
    swapBytes: stat("total_swap"),
    failures: Number((await file("memory.failcnt")) ?? 0),
  };
}

async function blocks(
  v2: CgroupHierarchy | undefined,
  v1: CgroupHierarchy | undefined,
  file: ReadOf,
): Promise<CgroupUse["blocks"]> {
  if (v2) {
    // `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …`, a line for each device.
    const text = (await file(v2, "io.stat")) ?? "";
    const sum = (name: string) =>
      [...text.matchAll(new RegExp(`\\b${name}=(\\d+)`, "g"))].reduce((all, [, count]) => all + Number(count), 0);
    return { reads: sum("rios"), writes: sum("wios"), readBytes: sum("rbytes"), writtenBytes: sum("wbytes") };
  }
  const [counts, bytes] = await Promise.all([
    file(v1, "blkio.throttle.io_serviced_recursive"),
    file(v1, "blkio.throttle.io_service_bytes_recursive"),
  ]);
  // `8:0 Read 1`, a line for each device and operation.
  const sum = (text: string | undefined, operation: string) =>
    [...(text ?? "").matchAll(new RegExp(`^\\S+ ${operation} (\\d+)$`, "gm"))].reduce(
      (all, [, count]) => all + Number(count),
      0,
    );
  return {
    reads: sum(counts, "Read"),
    writes: sum(counts, "Write"),
    readBytes: sum(bytes, "Read"),
    writtenBytes: sum(bytes, "Write"),
  };
}

/** What a file with a `name number` on each line says of a name; 0 of one that is not there. */
function numbers(text: string | undefined): (name: string) => number {
  const found = new Map<string, number>();
  for (const line of (text ?? "").split("\n")) {
    const [name = "", value = ""] = line.split(" ");
    found.set(name, Number(value));
  }
  return (name) => found.get(name) ?? 0;
}

/** The interfaces of a /proc/PID/net/dev, but the loopback. */
export function parseInterfaces(text: string): NetworkUse[] {
  return text.split("\n").flatMap((line) => {
    const match = /^ *([^:\s]+): *(.*)$/.exec(line);
    const [, name = "", counts = ""] = match ?? [];
    if (!match || name === "lo") return [];
    const columns = counts.trim().split(/ +/).map(Number);
    const from = (first: number): PacketCounts => ({
      bytes: columns[first] ?? 0,
      packets: columns[first + 1] ?? 0,
      errors: columns[first + 2] ?? 0,
      dropped: columns[first + 3] ?? 0,
    });
    return [{ interfaceName: name, received: from(0), transmitted: from(8) }];
  });
}
