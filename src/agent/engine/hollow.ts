// An engine that runs nothing: sandboxes, containers and images are pretended on the given clock. For simulated nodes and tests.
import { Channel, type Clock, sleep } from "../../lib/index.ts";
import type {
  Container,
  ContainerConfig,
  ContainerEngine,
  ContainerStats,
  ContainerStatus,
  EngineEvent,
  ExecOptions,
  ExecResult,
  Image,
  LinuxResources,
  PullCredentials,
  Sandbox,
  SandboxConfig,
  SandboxStatus,
  StreamSession,
} from "./engine.ts";

/** How one pretended container behaves. Without any of these it runs until it is stopped, and then ends at once. */
export interface HollowScript {
  /** The process ends by itself after this time. */
  readonly exitAfterMs?: number;
  readonly exitCode?: number;
  /** What it uses. */
  readonly memoryBytes?: number;
  /** What it writes outside its volumes. */
  readonly writtenBytes?: number;
  readonly cpuMilli?: number;
  /** How long after its start it answers probes. */
  readonly readyAfterMs?: number;
  /** As the runtime says it; `Completed` or `Error` by the exit code when left out. */
  readonly reason?: string;
  readonly message?: string;
  /** How long it takes to end after being asked to; longer than the grace means that it is killed. */
  readonly stopMs?: number;
  /** What `startContainer` fails with. */
  readonly startError?: string;
  /** What `createContainer` fails with. */
  readonly createError?: string;
  readonly exec?: (command: readonly string[]) => Partial<ExecResult> & { readonly delayMs?: number };
}

/** How long something takes; a function is asked each time. */
export type Delay = number | (() => number);

export interface HollowOptions {
  readonly clock: Clock;
  /** The first three numbers of the sandboxes' addresses, when they are known. */
  readonly addressPrefix?: () => string | undefined;
  readonly sandboxMs?: Delay;
  readonly startMs?: Delay;
  readonly pullMs?: Delay;
  /** Images that are there from the start. */
  readonly images?: readonly string[];
  readonly script?: (config: ContainerConfig, sandbox: SandboxConfig) => HollowScript;
  /** Decides about a pull: an Error is what it fails with. */
  readonly pull?: (image: string, credentials: PullCredentials | undefined) => Error | undefined;
  /** Decides about a sandbox: an Error is what `runSandbox` fails with. */
  readonly sandbox?: (config: SandboxConfig) => Error | undefined;
  /** Decides about other resources of a running container: an Error is what `updateResources` fails with. */
  readonly update?: (resources: LinuxResources) => Error | undefined;
}

interface HollowContainer {
  status: ContainerStatus;
  resources: LinuxResources;
  readonly config: ContainerConfig;
  readonly script: HollowScript;
  readonly ended: Promise<void>;
  readonly end: () => void;
}

const eventsMax = 100_000;
/** The addresses of a /24 that hosts can have. */
const hostsMax = 254;
const hollowImageBytes = 10_000_000;
/** 128 + SIGKILL, 128 + SIGTERM. */
const killedCode = 137;
const terminatedCode = 143;

export class HollowEngine implements ContainerEngine {
  readonly #options: HollowOptions;
  readonly #clock: Clock;
  readonly #sandboxes = new Map<string, SandboxStatus & { readonly config: SandboxConfig }>();
  readonly #containers = new Map<string, HollowContainer>();
  readonly #images = new Map<string, Image>();
  readonly #listeners = new Set<Channel<EngineEvent>>();
  #silent = false;
  #sequence = 0;
  #addresses = 0;

  constructor(options: HollowOptions) {
    this.#options = options;
    this.#clock = options.clock;
    for (const image of options.images ?? []) this.addImage(image);
  }

  /** Puts an image in place without a pull. */
  addImage(name: string, image: Partial<Image> = {}): void {
    const id = `sha256:${hollowDigest(name)}`;
    const repository = name.replace(/:[^/:]*$/, "");
    const digests = [`${repository}@${id}`];
    this.#images.set(name, { id, tags: [name], digests, sizeBytes: hollowImageBytes, ...image });
  }

  /** The resources that a container has; for tests. */
  resourcesOf(id: string): LinuxResources {
    return this.#known(id).resources;
  }

  /** The configuration that a container was made with; for tests. */
  configOf(id: string): ContainerConfig | undefined {
    return this.#containers.get(id)?.config;
  }

  /** The configuration that a sandbox was made with; for tests. */
  sandboxConfigOf(id: string): SandboxConfig | undefined {
    return this.#sandboxes.get(id)?.config;
  }

  /** Ends a running container's process, as if by itself. */
  exit(id: string, exitCode: number, reason?: string): void {
    const container = this.#containers.get(id);
    if (container?.status.state === "running") this.#end(container, exitCode, reason);
  }

  /** As after a reboot of the machine: no process is left, no sandbox has a network. */
  reboot(): void {
    for (const container of this.#containers.values()) this.#end(container, 255, "Unknown");
    for (const [id, sandbox] of this.#sandboxes) this.#sandboxes.set(id, { ...sandbox, ready: false, ips: [] });
  }

  /** Whether everything that runs behind an address answers by now. */
  answers(ip: string): boolean {
    const sandbox = [...this.#sandboxes.values()].find(({ ips }) => ips.includes(ip));
    if (!sandbox) return false;
    const nowMs = this.#clock.now();
    return [...this.#containers.values()].every(
      ({ status, script }) =>
        status.sandboxId !== sandbox.id ||
        status.state !== "running" ||
        status.startedAtMs + (script.readyAfterMs ?? 0) <= nowMs,
    );
  }

  /** Does something of which no listener is told. */
  loseEvents(work: () => void): void {
    this.#silent = true;
    work();
    this.#silent = false;
  }

  async version() {
    return { runtime: "hollow", version: "1.0.0", apiVersion: "v1" };
  }

  async notReady(): Promise<string> {
    return "";
  }

  async runSandbox(config: SandboxConfig): Promise<string> {
    await this.#pause(this.#options.sandboxMs);
    const error = this.#options.sandbox?.(config);
    if (error) throw error;
    const id = this.#newId("sandbox");
    const { name, namespace, uid, attempt, labels, annotations } = config;
    const createdAtMs = this.#clock.now();
    const ips = config.hostNetwork ? [] : [this.#nextAddress()];
    this.#sandboxes.set(id, {
      id,
      name,
      namespace,
      uid,
      attempt,
      ready: true,
      createdAtMs,
      labels,
      annotations,
      ips,
      config,
    });
    this.#tell("started", id);
    return id;
  }

  async stopSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox) return;
    for (const container of this.#containers.values()) {
      if (container.status.sandboxId === id) this.#end(container, killedCode);
    }
    this.#sandboxes.set(id, { ...sandbox, ready: false, ips: [] });
    this.#tell("stopped", id);
  }

  async removeSandbox(id: string): Promise<void> {
    await this.stopSandbox(id);
    for (const [containerId, { status }] of this.#containers) {
      if (status.sandboxId === id) this.#containers.delete(containerId);
    }
    if (this.#sandboxes.delete(id)) this.#tell("deleted", id);
  }

  async sandboxStatus(id: string): Promise<SandboxStatus | undefined> {
    return this.#sandboxes.get(id);
  }

  async listSandboxes(): Promise<readonly Sandbox[]> {
    return [...this.#sandboxes.values()];
  }

  async createContainer(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string> {
    const script = this.#options.script?.(config, sandbox) ?? {};
    if (script.createError !== undefined) throw new Error(script.createError);
    if (this.#sandboxes.get(sandboxId)?.ready !== true) throw new Error(`sandbox ${sandboxId} is not ready`);
    const image = this.#images.get(config.image);
    if (!image) throw new Error(`image "${config.image}" not found`);
    const id = this.#newId("container");
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const status: ContainerStatus = {
      id,
      sandboxId,
      name: config.name,
      attempt: config.attempt,
      image: config.image,
      imageId: image.digests[0] ?? image.id,
      state: "created",
      createdAtMs: this.#clock.now(),
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      reason: "",
      message: "",
      labels: config.labels,
      annotations: config.annotations,
      logPath: `${sandbox.logDirectory}/${config.logPath}`,
    };
    this.#containers.set(id, { status, resources: config.resources, config, script, ended, end });
    this.#tell("created", id);
    return id;
  }

  async startContainer(id: string): Promise<void> {
    const container = this.#known(id);
    await this.#pause(this.#options.startMs);
    const { script } = container;
    const startedAtMs = this.#clock.now();
    if (script.startError !== undefined) {
      container.status = {
        ...container.status,
        state: "exited",
        finishedAtMs: startedAtMs,
        exitCode: 128,
        reason: "StartError",
        message: script.startError,
      };
      throw new Error(script.startError);
    }
    container.status = { ...container.status, state: "running", startedAtMs };
    this.#tell("started", id);
    if (script.exitAfterMs !== undefined) {
      this.#clock.setTimer(script.exitAfterMs, () => this.#end(container, script.exitCode ?? 0));
    }
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const container = this.#containers.get(id);
    if (container?.status.state !== "running") return;
    const stopMs = container.script.stopMs ?? 0;
    const graceMs = graceSeconds * 1_000;
    if (stopMs > graceMs) this.#clock.setTimer(graceMs, () => this.#end(container, killedCode));
    else if (stopMs > 0)
      this.#clock.setTimer(stopMs, () => this.#end(container, container.script.exitCode ?? terminatedCode));
    else this.#end(container, container.script.exitCode ?? terminatedCode);
    await container.ended;
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    this.#end(container, killedCode);
    this.#containers.delete(id);
    this.#tell("deleted", id);
  }

  async containerStatus(id: string): Promise<ContainerStatus | undefined> {
    return this.#containers.get(id)?.status;
  }

  async listContainers(): Promise<readonly Container[]> {
    return [...this.#containers.values()].map((each) => each.status);
  }

  async reopenLog(): Promise<void> {}

  async updateResources(id: string, resources: LinuxResources): Promise<void> {
    const container = this.#known(id);
    const refusal = this.#options.update?.(resources);
    if (refusal) throw refusal;
    container.resources = resources;
  }

  async stats(): Promise<readonly ContainerStats[]> {
    const nowMs = this.#clock.now();
    return [...this.#containers]
      .filter(([, { status }]) => status.state === "running")
      .map(([containerId, { script, status }]) => ({
        containerId,
        cpuUsageNanoCores: (script.cpuMilli ?? 0) * 1_000_000,
        cpuUsageCoreNanoSeconds: (script.cpuMilli ?? 0) * 1_000 * (nowMs - status.startedAtMs),
        memoryWorkingSetBytes: script.memoryBytes ?? 0,
        writableLayerBytes: script.writtenBytes ?? 0,
        writableLayerInodes: 0,
      }));
  }

  async execSync(id: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult> {
    const container = this.#known(id);
    if (container.status.state !== "running") throw new Error(`container ${id} is not running`);
    const { delayMs, ...result } = container.script.exec?.(command) ?? {};
    await this.#pause(Math.min(delayMs ?? 0, timeoutMs), signal);
    if (delayMs !== undefined && delayMs > timeoutMs) throw new Error(`timeout ${timeoutMs / 1_000}s exceeded`);
    return { exitCode: 0, stdout: new Uint8Array(), stderr: new Uint8Array(), ...result };
  }

  async exec(id: string, options: ExecOptions): Promise<StreamSession> {
    const { exitCode, stdout } = await this.execSync(id, options.command, Number.POSITIVE_INFINITY);
    return {
      stdout: new Blob([stdout as Uint8Array<ArrayBuffer>]).stream(),
      resize: () => {},
      done: Promise.resolve(exitCode),
      close: () => {},
    };
  }

  async attach(id: string): Promise<StreamSession> {
    const container = this.#known(id);
    return { stdout: new Blob([]).stream(), resize: () => {}, done: container.ended.then(() => 0), close: () => {} };
  }

  async portForward(): Promise<never> {
    throw new Error("a hollow sandbox has no ports");
  }

  async imageStatus(image: string): Promise<Image | undefined> {
    return this.#images.get(image);
  }

  async listImages(): Promise<readonly Image[]> {
    return [...this.#images.values()];
  }

  async pullImage(image: string, credentials: PullCredentials | undefined, signal?: AbortSignal): Promise<string> {
    await this.#pause(this.#options.pullMs, signal);
    const error = this.#options.pull?.(image, credentials);
    if (error) throw error;
    this.addImage(image);
    return this.#images.get(image)!.id;
  }

  async removeImage(image: string): Promise<void> {
    for (const [name, { id }] of this.#images) if (name === image || id === image) this.#images.delete(name);
  }

  events(signal: AbortSignal): AsyncIterable<EngineEvent> {
    const channel: Channel<EngineEvent> = new Channel(eventsMax, () => this.#listeners.delete(channel));
    this.#listeners.add(channel);
    signal.addEventListener("abort", () => channel.close(), { once: true });
    return channel;
  }

  #end(container: HollowContainer, exitCode: number, reason?: string): void {
    if (container.status.state === "exited") return;
    const { script } = container;
    container.status = {
      ...container.status,
      state: "exited",
      finishedAtMs: this.#clock.now(),
      exitCode,
      reason: reason ?? script.reason ?? (exitCode === 0 ? "Completed" : "Error"),
      message: script.message ?? "",
    };
    container.end();
    this.#tell("stopped", container.status.id);
  }

  #known(id: string): HollowContainer {
    const container = this.#containers.get(id);
    if (!container) throw new Error(`container ${id} not found`);
    return container;
  }

  #tell(type: EngineEvent["type"], containerId: string): void {
    if (this.#silent) return;
    for (const listener of this.#listeners) {
      if (!listener.push({ type, containerId })) listener.close(new Error("the listener is too slow"));
    }
  }

  async #pause(delay: Delay | undefined, signal?: AbortSignal): Promise<void> {
    const delayMs = typeof delay === "function" ? delay() : delay;
    if (delayMs !== undefined && delayMs > 0) await sleep(this.#clock, delayMs, signal);
  }

  #newId(kind: string): string {
    return `${kind}-${(this.#sequence++).toString(16).padStart(12, "0")}`;
  }

  #nextAddress(): string {
    const prefix = this.#options.addressPrefix?.();
    if (prefix !== undefined) {
      const taken = new Set([...this.#sandboxes.values()].flatMap(({ ips }) => ips));
      for (let tried = 0; tried < hostsMax; tried++) {
        const address = `${prefix}.${(this.#addresses++ % hostsMax) + 1}`;
        if (!taken.has(address)) return address;
      }
      throw new Error(`no address of ${prefix}.0/24 is free`);
    }
    const number = ++this.#addresses;
    return `10.${88 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
  }
}

/** 64 hexadecimal digits that differ between names; not a digest of any content. */
function hollowDigest(name: string): string {
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0").repeat(8);
}
