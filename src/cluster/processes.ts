// Detached processes of the cluster: started once, known by a record that survives, never mistaken for a stranger's.
import { spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { endProcess, startTicksOf } from "../agent/host/containerd/index.ts";
import type { Clock } from "../lib/index.ts";
import type { DataDirectory } from "./data-directory.ts";
import { rotateLog } from "./log-file.ts";

/** What tells a process from a later one with the same id: when it started, in clock ticks since boot, and which boot. */
export interface ProcessRecord {
  readonly pid: number;
  readonly startTicks: number;
  readonly bootId: string;
}

/** A component's process, and where its own words begin in the component's log. */
export interface ComponentRecord extends ProcessRecord {
  readonly component: string;
  readonly logPath: string;
  readonly logStart: number;
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

export function recordOf(pid: number): ProcessRecord | undefined {
  const startTicks = startTicksOf(pid);
  return startTicks === undefined ? undefined : { pid, startTicks, bootId: bootId() };
}

function recordPath(directory: DataDirectory, component: string): string {
  return join(directory.run, `${component}.json`);
}

/** What a component's process is started with, at the end of its command line. */
export function componentArguments(component: string, root: string): readonly string[] {
  return [component, "--data-dir", root];
}

/** The record of a component that runs now; undefined when it does not. */
export function runningProcess(directory: DataDirectory, component: string): ComponentRecord | undefined {
  const record = readRecord(directory, component);
  if (record && record.bootId === bootId() && startTicksOf(record.pid) === record.startTicks) return record;
  return unrecordedProcess(directory, component);
}

function readRecord(directory: DataDirectory, component: string): ComponentRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordPath(directory, component), "utf8")) as ComponentRecord;
  } catch {
    return undefined; // None, or one torn by a crash.
  }
}

/** A `roder up` that was killed may have started the process and not have written who it is. */
function unrecordedProcess(directory: DataDirectory, component: string): ComponentRecord | undefined {
  const words = ["", ...componentArguments(component, directory.root), ""].join("\0");
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || !commandLineOf(name).endsWith(words)) continue;
    const identity = recordOf(Number(name));
    const logPath = join(directory.logs, `${component}.log`);
    if (identity) return { ...identity, component, logPath, logStart: 0 };
  }
  return undefined;
}

/** The words of a command line, each followed by a NUL; empty for a process that is gone. */
export function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // It ended since the directory was read.
  }
}

/** Starts `command` in the background with its output appended to the component's log, and records it. */
export function startDetached(
  directory: DataDirectory,
  component: string,
  command: readonly [string, ...string[]],
  environment: NodeJS.ProcessEnv,
): ComponentRecord {
  mkdirSync(directory.run, { recursive: true, mode: 0o700 });
  mkdirSync(directory.logs, { recursive: true, mode: 0o700 });
  const logPath = join(directory.logs, `${component}.log`);
  rotateLog(logPath);
  const log = openSync(logPath, "a", 0o600);
  chmodSync(logPath, 0o600);
  const logStart = fstatSync(log).size;
  try {
    const child = spawn(command[0], command.slice(1), {
      cwd: "/",
      detached: true,
      stdio: ["ignore", log, log],
      env: environment,
    });
    child.unref();
    const identity = child.pid === undefined ? undefined : recordOf(child.pid);
    if (!identity) throw new Error(`${component} ended at once; see ${logPath}`);
    const record = { ...identity, component, logPath, logStart };
    writeFileSync(recordPath(directory, component), JSON.stringify(record), { mode: 0o600 });
    return record;
  } finally {
    closeSync(log);
  }
}

function forgetProcess(directory: DataDirectory, component: string): void {
  rmSync(recordPath(directory, component), { force: true });
}

/** Asks a component to end, and kills it after `graceMs`. Returns when it is gone; at once when it did not run. */
export async function stopProcess(
  directory: DataDirectory,
  component: string,
  clock: Clock,
  graceMs: number,
): Promise<boolean> {
  const record = runningProcess(directory, component);
  if (record) {
    await endProcess(record.pid, clock, graceMs);
    forgetProcess(directory, component);
  }
  return record !== undefined;
}
