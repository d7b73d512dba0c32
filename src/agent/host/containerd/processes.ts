// Processes that another one may have started: found by what they say of themselves, ended by their number.
import { readdir, readFile } from "node:fs/promises";
import { type Clock, sleep } from "../../../lib/index.ts";
import type { ContainerdPaths } from "./config.ts";

const stopMsMax = 10_000;
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

/** Asks the process to end, and kills it when it does not. Whose child it is does not matter. */
export async function endProcess(pid: number, clock: Clock): Promise<void> {
  const giveUpAtMs = clock.monotonicMs() + stopMsMax;
  if (!signalProcess(pid, "SIGTERM")) return;
  while (await isAlive(pid)) {
    if (clock.monotonicMs() > giveUpAtMs) signalProcess(pid, "SIGKILL");
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

/** A zombie counts as gone: its parent has only not asked for its code yet. */
async function isAlive(pid: number): Promise<boolean> {
  const state = /^State:\s+(\S)/m.exec(await readIfThere(`/proc/${pid}/status`))?.[1];
  return state !== undefined && state !== "Z" && state !== "X";
}

export async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ESRCH: the process ended while its file was read.
    if (code === "ENOENT" || code === "ESRCH") return "";
    throw error;
  }
}
