import { statfs } from "node:fs/promises";
import { cpus, hostname, release, totalmem } from "node:os";
import type { Machine, MachineLoad, MachineUsage } from "../host.ts";
import { machineText } from "./text-files.ts";

/** CAP_SYS_RESOURCE (capabilities(7)), that the kernel asks for to lower oom_score_adj. */
const capSysResource = 24n;
const oomScoreMin = -1_000;
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

export async function linuxMachine(): Promise<Machine> {
  const release_ = parseVariables(await machineText("/etc/os-release"));
  return {
    hostname: hostname(),
    architecture: architectures[process.arch] ?? process.arch,
    cpus: cpus().length,
    memoryBytes: totalmem(),
    kernelVersion: release(),
    osImage: release_.PRETTY_NAME ?? "Linux",
    machineId: (await machineText("/etc/machine-id")).trim(),
    systemUuid: (await machineText("/sys/class/dmi/id/product_uuid")).trim(),
    bootId: (await machineText("/proc/sys/kernel/random/boot_id")).trim(),
    oomScoreAdjMin: await lowestOomScore(),
  };
}

async function lowestOomScore(): Promise<number> {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(await machineText("/proc/self/status"))?.[1] ?? "0";
  if ((BigInt(`0x${effective}`) >> capSysResource) & 1n) return oomScoreMin;
  return Number(await machineText("/proc/self/oom_score_adj"));
}

/** `directory` is one of the file system whose fill level counts. */
export async function linuxLoad(directory: string): Promise<MachineLoad> {
  const disk = await statfs(directory);
  const memory = await machineText("/proc/meminfo");
  const available = Number(/^MemAvailable:\s*(\d+) kB/m.exec(memory)?.[1] ?? 0) * 1_024;
  return {
    memoryAvailableBytes: available,
    diskCapacityBytes: disk.blocks * disk.bsize,
    diskAvailableBytes: disk.bavail * disk.bsize,
    inodes: disk.files,
    inodesAvailable: disk.ffree,
    pidsMax: Number(await machineText("/proc/sys/kernel/pid_max")),
    pids: Number((await machineText("/proc/loadavg")).split(" ")[3]?.split("/")[1] ?? 0),
  };
}

/** In which the kernel counts time for programs: USER_HZ, which is 100 on every machine that Linux runs on today. */
const ticksPerSecond = 100;

export async function linuxUsage(): Promise<MachineUsage> {
  const [stat, memory] = await Promise.all([machineText("/proc/stat"), machineText("/proc/meminfo")]);
  // user, nice, system, idle, iowait, irq, softirq, steal: what waits is not used.
  const ticks = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? "").split(" ").map(Number);
  const used = [0, 1, 2, 5, 6].reduce((sum, index) => sum + (ticks[index] ?? 0), 0);
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(memory)?.[1] ?? 0);
  return {
    startedAtMs: Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * 1_000,
    cpuNanoSeconds: (used / ticksPerSecond) * 1e9,
    memoryWorkingSetBytes: (kilobytes("MemTotal") - kilobytes("MemAvailable")) * 1_024,
  };
}

const stubResolver = "127.0.0.53";

/** The machine's resolv.conf; where that only names systemd's stub, which no pod can reach, what stands behind it. */
export async function machineResolvConf(): Promise<string> {
  const text = await machineText("/etc/resolv.conf");
  if (!text.includes(stubResolver)) return text;
  return (await machineText("/run/systemd/resolve/resolv.conf")) || text;
}

/** `NAME="value"` lines (os-release(5)). */
function parseVariables(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const match = /^(\w+)=(?:"([^"]*)"|(.*))$/.exec(line);
    if (match) found[match[1]!] = match[2] ?? match[3] ?? "";
  }
  return found;
}
