// Processes that another one may have started: found by what they say of themselves, ended by their number.
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { type Clock, sleep } from "../../../lib/index.ts";
import { readIfThere } from "../text-files.ts";
import type { ContainerdPaths } from "./config.ts";

/** A killed process is gone within milliseconds, but for one that waits for a broken disk. */
export const killMsMax = 10_000;
/** How long containerd may take to end in order. */
export const containerdGraceMs = 10_000;
/** How long between two questions about what tells nobody that it changed. */
export const askAgainMs = 10;

/** The containerd that was started with these paths and still runs. */
export async function runningPid(paths: ContainerdPaths): Promise<number | undefined> {
  const pid = Number.parseInt(await readIfThere(paths.pid), 10);
  // The number may be of another process by now.
  if (pid > 0 && (await isContainerd(pid, paths))) return pid;
  // Who started it may have been killed before the number was written.
  for (const name of await readdir("/proc")) {
    if (/^\d+$/.test(name) && (await isContainerd(Number(name), paths))) return Number(name);
  }
  return undefined;
}

async function isContainerd(pid: number, paths: ContainerdPaths): Promise<boolean> {
  const [, option, config] = (await readIfThere(`/proc/${pid}/cmdline`)).split("\0");
  return option === "--config" && config === paths.config;
}

/**
 * When a process started, in clock ticks since boot (proc(5), field 22 of stat): tells it from a later one with its number.
 * Undefined when there is no such process, or it is a zombie: its parent has only not asked for its code yet.
 */
export function startTicksOf(pid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined; // No such process: that is the answer.
  }
  // The command name stands in parentheses and may hold spaces itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : Number(fields[19]);
}

/**
 * Asks the process to end, and kills it when it has not after `graceMs`; throws an Error when that does not end it either.
 * Whose child it is does not matter. The kernel gives no event for the end of another's child: this looks.
 */
export async function endProcess(pid: number, clock: Clock, graceMs: number): Promise<void> {
  const startTicks = startTicksOf(pid);
  if (startTicks === undefined || !signalProcess(pid, "SIGTERM")) return;
  const killAtMs = clock.monotonicMs() + graceMs;
  while (startTicksOf(pid) === startTicks) {
    const nowMs = clock.monotonicMs();
    if (nowMs > killAtMs + killMsMax) throw new Error(`the process ${pid} cannot be killed`);
    if (nowMs > killAtMs) signalProcess(pid, "SIGKILL");
    await sleep(clock, askAgainMs);
  }
}

/** False when there is no such process. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
