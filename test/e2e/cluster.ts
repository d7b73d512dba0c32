// A cluster for one test file: started by the real command in a network namespace of its own, with its own directories,
// so that it meets neither the machine's network nor a cluster that runs there already.

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { cgroupRootOf } from "../../src/cluster/cgroups.ts";
import { dataDirectory } from "../../src/cluster/data-directory.ts";
import { commandLineOf } from "../../src/cluster/processes.ts";
import { execute, type Outcome, type RunOptions, succeed } from "../programs.ts";

const root = resolve(import.meta.dirname, "../..");
// That of the tests (run.ts): the program has one of its own.
delete process.env.NODE_COMPILE_CACHE;
/** How long tests wait for what they expect. */
const waitMsMax = 60_000;

export class TestCluster {
  readonly name: string;
  readonly directory: string;
  readonly kubeconfig: string;
  readonly #namespace: string;
  readonly #programs: string | undefined;

  private constructor(name: string, directory: string, programs: string | undefined) {
    this.name = name;
    this.#programs = programs;
    this.directory = directory;
    this.kubeconfig = join(directory, "kubeconfig");
    this.#namespace = `roder-test-${name}-${process.pid}`;
  }

  /**
   * Makes the network namespace and the directories; nothing runs yet. End it with `remove`, also after a failure.
   * `programs` is a directory whose kubectl is used instead of the machine's.
   */
  static async prepare(name: string, programs?: string): Promise<TestCluster> {
    const cluster = new TestCluster(name, mkdtempSync(join(tmpdir(), `roder-${name}-`)), programs);
    await cluster.#makeNetwork();
    return cluster;
  }

  async #makeNetwork(): Promise<void> {
    await succeed("ip", ["netns", "add", this.#namespace]);
    await this.inside("ip", ["link", "set", "lo", "up"]);
    // What stands for the machine's way out; nobody answers there.
    await this.inside("ip", ["link", "add", "uplink", "type", "bridge"]);
    await this.inside("ip", ["address", "add", "198.51.100.10/24", "dev", "uplink"]);
    await this.inside("ip", ["link", "set", "uplink", "up"]);
    await this.inside("ip", ["route", "add", "default", "via", "198.51.100.1"]);
  }

  /**
   * Leaves of the cluster what a machine leaves that loses its power and boots again: the files on its disk. Processes,
   * mounts, cgroups, interfaces, rules, kernel settings and the files in /run are gone, and the boot is another one.
   */
  async cutPower(): Promise<void> {
    for (let pids = this.processes(); pids.length > 0; pids = this.processes()) {
      for (const pid of pids) killIfThere(pid);
      await new Promise((wake) => setTimeout(wake, 20));
    }
    for (const socket of this.shimSockets()) rmSync(socket, { force: true });
    for (const path of mountsBelow(this.directory)) await succeed("umount", [path]);
    for (const cgroup of this.cgroups()) removeCgroup(cgroup);
    await succeed("ip", ["netns", "delete", this.#namespace]);
    await this.#makeNetwork();
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    for (const file of filesBelow(this.dataDirectory)) {
      const text = readFileSync(file, "latin1");
      if (text.includes(boot)) writeFileSync(file, text.replaceAll(boot, randomUUID()), "latin1");
    }
  }

  /** Roder's processes, containerd, the shims and what runs in containers. */
  processes(): number[] {
    const inCgroups = this.cgroups().flatMap((each) => processesBelow(each));
    const named = readdirSync("/proc").filter(
      (name) => /^\d+$/.test(name) && commandLineOf(name).includes(this.dataDirectory),
    );
    return [...new Set([...inCgroups, ...named.map(Number)])];
  }

  /** The cgroup of the cluster in every hierarchy. */
  cgroups(): string[] {
    const roots = ["/sys/fs/cgroup", ...readdirSync("/sys/fs/cgroup").map((name) => `/sys/fs/cgroup/${name}`)];
    const own = cgroupRootOf(dataDirectory(this.dataDirectory));
    return roots.map((root) => root + own).filter((path) => existsSync(path));
  }

  /** Where the shims of its containers listen. */
  shimSockets(): string[] {
    const bundles = join(this.dataDirectory, "containerd/state/io.containerd.runtime.v2.task/k8s.io");
    if (!existsSync(bundles)) return [];
    return readdirSync(bundles)
      .map((id) => join(bundles, id, "address"))
      .filter((file) => existsSync(file))
      .map((file) => readFileSync(file, "utf8").replace("unix://", ""));
  }

  get networkNamespace(): string {
    return `/run/netns/${this.#namespace}`;
  }

  get dataDirectory(): string {
    return join(this.directory, "data");
  }

  /** Runs a program in the cluster's network; `nsenter` and not `ip netns exec`, which hides the cgroups. */
  async inside(command: string, args: readonly string[], options?: RunOptions): Promise<string> {
    return succeed("nsenter", [`--net=${this.networkNamespace}`, command, ...args], options);
  }

  insideOutcome(command: string, args: readonly string[], options?: RunOptions): Promise<Outcome> {
    return execute("nsenter", [`--net=${this.networkNamespace}`, command, ...args], options);
  }

  roder(args: readonly string[], options?: RunOptions): Promise<string> {
    return this.inside(join(root, "roder"), [...args, "--data-dir", this.dataDirectory], options);
  }

  roderOutcome(args: readonly string[], options?: RunOptions): Promise<Outcome> {
    return this.insideOutcome(join(root, "roder"), [...args, "--data-dir", this.dataDirectory], options);
  }

  up(...flags: readonly string[]): Promise<string> {
    return this.roder(["up", "--name", `test-${this.name}`, "--kubeconfig", this.kubeconfig, ...flags]);
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return this.inside("kubectl", args, { env: this.kubectlEnvironment });
  }

  /** Waits until the pod is ready. */
  podReady(name: string): Promise<string> {
    return this.kubectl("wait", "--for=condition=ready", `pod/${name}`, "--timeout=60s");
  }

  kubectlOutcome(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return this.insideOutcome("kubectl", args, { ...options, env: this.kubectlEnvironment });
  }

  /** Applies manifests given as text. */
  apply(manifest: string): Promise<string> {
    return this.inside("kubectl", ["apply", "-f", "-"], { env: this.kubectlEnvironment, input: manifest });
  }

  /** What kubectl's -o json gives. */
  async json<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.kubectl(...args, "-o", "json")) as T;
  }

  /** Resolves when a field of an object has the value; `kubectl wait --for=jsonpath` is younger than Debian's kubectl. */
  async becomes(object: string, path: string, value: string): Promise<void> {
    await this.shows(`${path} of ${object} is ${value}`, [object, "-o", `jsonpath={${path}}{"\\n"}`], (line) => {
      return line === value;
    });
  }

  /**
   * Resolves with the first line for which `isSo` holds of what `kubectl get --watch` prints: one process waits, where
   * asking again and again takes a tenth of a second of processor time each. It is started again when it ends, because
   * the object is not there yet or the server went.
   */
  async shows(
    what: string,
    args: readonly string[],
    isSo: (line: string) => boolean,
    timeoutMs = waitMsMax,
  ): Promise<string> {
    const limit = AbortSignal.timeout(timeoutMs);
    return eventually(what, () => this.#watchFor(args, isSo, limit), timeoutMs);
  }

  async #watchFor(args: readonly string[], isSo: (line: string) => boolean, limit: AbortSignal): Promise<string> {
    const command = [`--net=${this.networkNamespace}`, "kubectl", "get", ...args, "--watch"];
    const child = spawn("nsenter", command, { env: this.kubectlEnvironment, stdio: ["ignore", "pipe", "pipe"] });
    const closed = once(child, "close");
    let last = "";
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk;
    });
    const giveUp = () => child.kill();
    limit.addEventListener("abort", giveUp);
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        if (isSo(line)) return line;
        last = line;
      }
      throw new Error(limit.aborted ? `the last line was "${last}"` : said);
    } finally {
      limit.removeEventListener("abort", giveUp);
      child.kill();
      await closed;
    }
  }

  get kubectlEnvironment(): NodeJS.ProcessEnv {
    const path = this.#programs === undefined ? process.env.PATH : `${this.#programs}:${process.env.PATH}`;
    // At home kubectl keeps what servers offer, by their address, which is the same for every test's cluster.
    return { ...process.env, PATH: path, HOME: this.directory, KUBECONFIG: this.kubeconfig };
  }

  /** The body of an HTTP answer from inside the cluster's network; rejects for codes of 400 and above. */
  get(url: string): Promise<string> {
    return this.inside("curl", ["--silent", "--show-error", "--fail", "--max-time", "10", url]);
  }

  /** Removes the cluster, its network and its files, whatever state a test left them in. */
  async remove(): Promise<void> {
    try {
      await this.roder(["reset"]);
    } finally {
      await succeed("ip", ["netns", "delete", this.#namespace]);
      rmSync(this.directory, { recursive: true, force: true });
    }
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

function directoriesIn(path: string): string[] {
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name));
}

function processesBelow(cgroup: string): number[] {
  const own = readFileSync(join(cgroup, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
  return [...own, ...directoriesIn(cgroup).flatMap(processesBelow)];
}

function removeCgroup(path: string): void {
  for (const inner of directoriesIn(path)) removeCgroup(inner);
  rmdirSync(path);
}

/** What is mounted below a directory, the last mounted first. */
export function mountsBelow(directory: string): string[] {
  const lines = readFileSync("/proc/self/mounts", "utf8").trim().split("\n");
  return lines
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${directory}/`))
    .reverse();
}

/** Small files that may hold a record; images and volumes are left out. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isFile()) return [path];
    return entry.isDirectory() && !["root", "state", "storage", "pods"].includes(entry.name) ? filesBelow(path) : [];
  });
}

/** Tries again until `attempt` neither throws nor answers false; for what only another program's output can tell. */
export async function eventually<T>(
  what: string,
  attempt: () => Promise<T | false>,
  timeoutMs = waitMsMax,
): Promise<T> {
  const startedMs = performance.now();
  const elapsedMs = () => performance.now() - startedMs;
  let last: unknown;
  while (elapsedMs() < timeoutMs) {
    try {
      const result = await attempt();
      if (result !== false) return result;
      last = "not yet";
    } catch (error) {
      last = error;
    }
    // Less and less often: asking takes processor time of what is waited for.
    await new Promise((wake) => setTimeout(wake, Math.min(Math.max(elapsedMs() / 5, 100), 500)));
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: last });
}
