import type { Clock } from "../../../lib/index.ts";
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
} from "../engine.ts";
import { Connection } from "./connection.ts";
import type { CriMethods } from "./cri.generated.ts";
import { EngineError, ifFound } from "./engine-error.ts";
import { engineEvents } from "./events.ts";
import {
  containerMessage,
  containerOf,
  containerStatusOf,
  credentialsMessage,
  imageOf,
  resourcesMessage,
  sandboxMessage,
  sandboxOf,
  sandboxStatusOf,
  statsOf,
  whyNotReady,
} from "./messages.ts";
import { openPort, openSession } from "./stream-sessions.ts";

/** The kubelet's runtimeRequestTimeout. */
const requestMs = 120_000;
/** The kubelet gives a sandbox twice as long: its network has to be set up. */
const sandboxMs = 2 * requestMs;
/** What a question may take that no process and no disk is needed for. */
const questionMs = 30_000;
/** A pull is as long as the image is large; it is cancelled through its signal. */
const pullMs = 3_600_000;

/** A container runtime behind the gRPC socket of CRI (runtime.v1). Connects when it is first asked. */
export class CriEngine implements ContainerEngine {
  readonly #connection: Connection;
  readonly #clock: Clock;
  /** The sandbox of each container that was seen: a container's status does not say it. */
  readonly #sandboxOf = new Map<string, string>();

  constructor(settings: { readonly socketPath: string; readonly clock: Clock }) {
    this.#connection = new Connection(settings.socketPath, settings.clock);
    this.#clock = settings.clock;
  }

  close(): void {
    this.#connection.close();
  }

  async version() {
    const answer = await this.#ask("RuntimeService/Version", {});
    return {
      runtime: answer.runtime_name ?? "",
      version: answer.runtime_version ?? "",
      apiVersion: answer.runtime_api_version ?? "",
    };
  }

  async notReady(): Promise<string> {
    const { status } = await this.#ask("RuntimeService/Status", {});
    return whyNotReady(status?.conditions ?? []);
  }

  async runSandbox(config: SandboxConfig): Promise<string> {
    const request = { config: sandboxMessage(config), runtime_handler: config.runtimeHandler };
    const answer = await this.#connection.call("RuntimeService/RunPodSandbox", request, { timeoutMs: sandboxMs });
    return answer.pod_sandbox_id ?? "";
  }

  async stopSandbox(id: string): Promise<void> {
    await ifFound(this.#do("RuntimeService/StopPodSandbox", { pod_sandbox_id: id }));
  }

  async removeSandbox(id: string): Promise<void> {
    await ifFound(this.#do("RuntimeService/RemovePodSandbox", { pod_sandbox_id: id }));
    for (const [container, sandbox] of this.#sandboxOf) if (sandbox === id) this.#sandboxOf.delete(container);
  }

  async sandboxStatus(id: string): Promise<SandboxStatus | undefined> {
    const answer = await ifFound(this.#ask("RuntimeService/PodSandboxStatus", { pod_sandbox_id: id }));
    return answer?.status && sandboxStatusOf(answer.status);
  }

  async listSandboxes(): Promise<readonly Sandbox[]> {
    const answer = await this.#ask("RuntimeService/ListPodSandbox", {});
    return (answer.items ?? []).map(sandboxOf);
  }

  async createContainer(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string> {
    const answer = await this.#do("RuntimeService/CreateContainer", {
      pod_sandbox_id: sandboxId,
      config: containerMessage(config, sandbox),
      sandbox_config: sandboxMessage(sandbox),
    });
    const id = answer.container_id ?? "";
    this.#sandboxOf.set(id, sandboxId);
    return id;
  }

  async startContainer(id: string): Promise<void> {
    await this.#do("RuntimeService/StartContainer", { container_id: id });
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const request = { container_id: id, timeout: graceSeconds };
    const timeoutMs = requestMs + graceSeconds * 1_000;
    await ifFound(this.#connection.call("RuntimeService/StopContainer", request, { timeoutMs }));
  }

  async removeContainer(id: string): Promise<void> {
    await ifFound(this.#do("RuntimeService/RemoveContainer", { container_id: id }));
    this.#sandboxOf.delete(id);
  }

  async containerStatus(id: string): Promise<ContainerStatus | undefined> {
    const answer = await ifFound(this.#ask("RuntimeService/ContainerStatus", { container_id: id }));
    if (!answer?.status) return undefined;
    return containerStatusOf(answer.status, await this.#findSandbox(id));
  }

  async listContainers(): Promise<readonly Container[]> {
    const answer = await this.#ask("RuntimeService/ListContainers", {});
    const containers = (answer.containers ?? []).map(containerOf);
    for (const container of containers) this.#sandboxOf.set(container.id, container.sandboxId);
    return containers;
  }

  async reopenLog(id: string): Promise<void> {
    await this.#do("RuntimeService/ReopenContainerLog", { container_id: id });
  }

  async updateResources(id: string, resources: LinuxResources): Promise<void> {
    const request = { container_id: id, linux: resourcesMessage(resources) };
    await this.#do("RuntimeService/UpdateContainerResources", request);
  }

  async stats(): Promise<readonly ContainerStats[]> {
    const answer = await this.#ask("RuntimeService/ListContainerStats", {});
    return (answer.stats ?? []).map(statsOf);
  }

  async execSync(id: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult> {
    // The runtime counts whole seconds and takes 0 as for ever.
    const timeout = Math.max(1, Math.ceil(timeoutMs / 1_000));
    const request = { container_id: id, cmd: command, timeout };
    const answer = await this.#connection
      .call("RuntimeService/ExecSync", request, {
        timeoutMs: requestMs + timeout * 1_000,
        ...(signal ? { signal } : {}),
      })
      .catch((error) => {
        if (!(error instanceof EngineError && error.code === "timeout")) throw error;
        const words = JSON.stringify(command.join(" "));
        throw new EngineError("timeout", `command ${words} timed out after ${timeout} s`, { cause: error });
      });
    return {
      exitCode: answer.exit_code ?? 0,
      stdout: answer.stdout ?? new Uint8Array(),
      stderr: answer.stderr ?? new Uint8Array(),
    };
  }

  /** Where the runtime's streaming server waits, for a little while, for the client of this exec. */
  async execUrl(id: string, options: ExecOptions): Promise<URL> {
    const request = { container_id: id, cmd: options.command, ...streamsMessage(options) };
    return new URL((await this.#do("RuntimeService/Exec", request)).url ?? "");
  }

  /** As `execUrl`, for the streams of the container's own process. */
  async attachUrl(id: string, options: Omit<ExecOptions, "command">): Promise<URL> {
    return new URL(
      (await this.#do("RuntimeService/Attach", { container_id: id, ...streamsMessage(options) })).url ?? "",
    );
  }

  /** As `execUrl`, for connections to ports inside the sandbox. */
  async portForwardUrl(sandboxId: string, ports: readonly number[]): Promise<URL> {
    const request = { pod_sandbox_id: sandboxId, port: ports };
    return new URL((await this.#do("RuntimeService/PortForward", request)).url ?? "");
  }

  async exec(id: string, options: ExecOptions): Promise<StreamSession> {
    return this.session(await this.execUrl(id, options), options);
  }

  async attach(id: string, options: Omit<ExecOptions, "command">): Promise<StreamSession> {
    return this.session(await this.attachUrl(id, options), options);
  }

  /** Begins what waits at a URL of `execUrl` or `attachUrl`. */
  session(url: URL, options: Omit<ExecOptions, "command">): Promise<StreamSession> {
    return openSession(url, options);
  }

  async portForward(sandboxId: string, port: number) {
    return openPort(await this.portForwardUrl(sandboxId, [port]), port);
  }

  async imageStatus(image: string): Promise<Image | undefined> {
    const answer = await this.#ask("ImageService/ImageStatus", { image: { image } });
    return answer.image && imageOf(answer.image);
  }

  async listImages(): Promise<readonly Image[]> {
    const answer = await this.#ask("ImageService/ListImages", {});
    return (answer.images ?? []).map(imageOf);
  }

  async pullImage(image: string, credentials: PullCredentials | undefined, signal?: AbortSignal): Promise<string> {
    const request = { image: { image }, ...(credentials ? { auth: credentialsMessage(credentials) } : {}) };
    const answer = await this.#connection.call("ImageService/PullImage", request, {
      timeoutMs: pullMs,
      ...(signal ? { signal } : {}),
    });
    return answer.image_ref ?? "";
  }

  async removeImage(image: string): Promise<void> {
    await ifFound(this.#do("ImageService/RemoveImage", { image: { image } }));
  }

  events(signal: AbortSignal): AsyncIterable<EngineEvent> {
    return engineEvents(this.#connection, this.#clock, (id) => this.#hasEnded(id), signal);
  }

  /** A question about the runtime's state. */
  #ask<Name extends keyof CriMethods>(name: Name, request: CriMethods[Name][0]): Promise<CriMethods[Name][1]> {
    return this.#connection.call(name, request, { timeoutMs: questionMs });
  }

  /** A change of it. */
  #do<Name extends keyof CriMethods>(name: Name, request: CriMethods[Name][0]): Promise<CriMethods[Name][1]> {
    return this.#connection.call(name, request, { timeoutMs: requestMs });
  }

  async #findSandbox(containerId: string): Promise<string> {
    const known = this.#sandboxOf.get(containerId);
    if (known !== undefined) return known;
    const answer = await this.#ask("RuntimeService/ListContainers", { filter: { id: containerId } });
    const sandboxId = answer.containers?.[0]?.pod_sandbox_id ?? "";
    if (sandboxId !== "") this.#sandboxOf.set(containerId, sandboxId);
    return sandboxId;
  }

  async #hasEnded(id: string): Promise<boolean> {
    const container = await ifFound(this.#ask("RuntimeService/ContainerStatus", { container_id: id }));
    // protobuf leaves out the first value of an enumeration: CREATED of containers, READY of sandboxes.
    if (container)
      return container.status?.state === "CONTAINER_EXITED" || container.status?.state === "CONTAINER_UNKNOWN";
    const sandbox = await ifFound(this.#ask("RuntimeService/PodSandboxStatus", { pod_sandbox_id: id }));
    return sandbox?.status?.state === "SANDBOX_NOTREADY" || !sandbox;
  }
}

function streamsMessage({ stdin, stdout, stderr, tty }: Omit<ExecOptions, "command">) {
  // A terminal has one output: the interface refuses to tell a second one apart.
  return { stdin, stdout, stderr: stderr && !tty, tty };
}
