// A cluster for one test file: started by the real command in a network namespace of its own, with its own directories,
// so that it meets neither the machine's network nor a cluster that runs there already.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
}

const timeoutMsDefault = 120_000;

/** Runs a program to its end, whatever its exit code; a program that takes too long is killed and rejects. */
export function execute(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((done, reject) => {
    const child = spawn(command, args, { env: options.env ?? process.env, stdio: ["pipe", "pipe", "pipe"] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? timeoutMsDefault);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const outcome = {
        code: code ?? -1,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      };
      if (signal)
        reject(new Error(`${command} ${args.join(" ")} was ended by ${signal}:\n${outcome.stdout}${outcome.stderr}`));
      else done(outcome);
    });
  });
}

/** Runs a program that must succeed; resolves with what it printed. */
export async function succeed(command: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await execute(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

export class TestCluster {
  readonly name: string;
  readonly directory: string;
  readonly kubeconfig: string;
  readonly #namespace: string;

  private constructor(name: string, directory: string) {
    this.name = name;
    this.directory = directory;
    this.kubeconfig = join(directory, "kubeconfig");
    this.#namespace = `roder-test-${name}-${process.pid}`;
  }

  /** Makes the network namespace and the directories; nothing runs yet. End it with `remove`, also after a failure. */
  static async prepare(name: string): Promise<TestCluster> {
    const cluster = new TestCluster(name, mkdtempSync(join(tmpdir(), `roder-${name}-`)));
    await succeed("ip", ["netns", "add", cluster.#namespace]);
    await cluster.inside("ip", ["link", "set", "lo", "up"]);
    // What stands for the machine's way out; nobody answers there.
    await cluster.inside("ip", ["link", "add", "uplink", "type", "bridge"]);
    await cluster.inside("ip", ["address", "add", "198.51.100.10/24", "dev", "uplink"]);
    await cluster.inside("ip", ["link", "set", "uplink", "up"]);
    await cluster.inside("ip", ["route", "add", "default", "via", "198.51.100.1"]);
    return cluster;
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

  get kubectlEnvironment(): NodeJS.ProcessEnv {
    return { ...process.env, KUBECONFIG: this.kubeconfig };
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

/** Tries again until `attempt` neither throws nor answers false; for what only another program's output can tell. */
export async function eventually<T>(what: string, attempt: () => Promise<T | false>, timeoutMs = 60_000): Promise<T> {
  const until = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < until) {
    try {
      const result = await attempt();
      if (result !== false) return result;
      last = "not yet";
    } catch (error) {
      last = error;
    }
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: last });
}
