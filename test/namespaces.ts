import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const insideVariable = "RODER_TEST_DIRECTORY";
const cgroupRoot = "/sys/fs/cgroup";

export interface OwnNamespaces {
  /** A directory for the test's files. */
  readonly directory: string;
  /** The cgroup below which the test's containers belong. */
  readonly cgroup: string;
}

/**
 * Runs the calling test file in network, process and mount namespaces of its own, with an empty /run/containerd: call it
 * first of all. Whatever the tests start, mount or write is gone when they end, however they end. Needs root.
 */
export function enterOwnNamespaces(): OwnNamespaces {
  const given = process.env[insideVariable];
  if (given) return { directory: given, cgroup: cgroupOf(given) };
  if (process.getuid?.() !== 0) throw new Error("these tests start containers: run them as root");
  const directory = mkdtempSync(join(tmpdir(), "roder-test-"));
  // A containerd in a network namespace works only when the loopback interface was up before.
  const setUp =
    'ip link set lo up && mkdir -p /run/containerd && mount -t tmpfs none /run/containerd && exec "$0" "$@"';
  // Killed with the process that waits here, it takes everything in its namespaces along.
  const together = ["--pdeathsig", "KILL", "unshare"];
  const unshare = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const inside = spawnSync("setpriv", [...together, ...unshare, "sh", "-c", setUp, ...again], {
    stdio: "inherit",
    env: { ...process.env, [insideVariable]: directory },
  });
  for (const hierarchy of ["", ...readdirSync(cgroupRoot)])
    removeCgroup(join(cgroupRoot, hierarchy, cgroupOf(directory)));
  rmSync(directory, { recursive: true, force: true });
  if (inside.error) throw inside.error;
  process.exit(inside.status ?? 1);
}

function cgroupOf(directory: string): string {
  return `/${basename(directory)}`;
}

/** From the leaves up; the processes in it have ended with their namespace. */
function removeCgroup(path: string): void {
  let names: string[];
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    // Not every hierarchy has it.
    return;
  }
  for (const name of names) removeCgroup(join(path, name));
  rmdirSync(path);
}
