// What the agent needs of a container runtime. CriEngine speaks CRI over gRPC; HollowEngine only pretends, on the given clock.
// The words are those of CRI (runtime.v1).

export interface SandboxConfig {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
  readonly hostname: string;
  readonly logDirectory: string;
  readonly dns?: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly cgroupParent: string;
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  readonly shareProcessNamespace: boolean;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly security: SecurityContext;
  readonly runtimeHandler: string;
  /** The ports that the network binds on the machine (hostPort); empty with hostNetwork. */
  readonly portMappings: readonly PortMapping[];
}

export interface PortMapping {
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly containerPort: number;
  readonly hostPort: number;
  /** Empty: every address of the machine. */
  readonly hostIp: string;
}

export interface SecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsUserName?: string;
  readonly supplementalGroups: readonly number[];
  readonly privileged: boolean;
  readonly readOnlyRootFilesystem: boolean;
  readonly noNewPrivileges: boolean;
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  /** "RuntimeDefault", "Unconfined", or "Localhost/<path>". */
  readonly seccomp: string;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
}

export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly: boolean;
  readonly propagation: "private" | "hostToContainer" | "bidirectional";
}

/** Zero or absent means no limit. */
export interface LinuxResources {
  readonly cpuShares?: number;
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly memoryLimitBytes?: number;
  readonly oomScoreAdj?: number;
}

export interface Device {
  readonly containerPath: string;
  readonly hostPath: string;
  /** Of `r`, `w` and `m` (make its file). */
  readonly permissions: string;
}

export interface ContainerConfig {
  readonly name: string;
  readonly attempt: number;
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly devices: readonly Device[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Relative to the sandbox's logDirectory. */
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly resources: LinuxResources;
  readonly security: SecurityContext;
  /** The container whose process namespace this one joins (ephemeral containers' targetContainerName). */
  readonly targetContainerId?: string;
}

export interface Sandbox {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly attempt: number;
  readonly ready: boolean;
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface SandboxStatus extends Sandbox {
  /** The first is the pod's IP; empty with hostNetwork. */
  readonly ips: readonly string[];
}

export type ContainerState = "created" | "running" | "exited" | "unknown";

export interface Container {
  readonly id: string;
  readonly sandboxId: string;
  readonly name: string;
  readonly attempt: number;
  readonly image: string;
  readonly imageId: string;
  readonly state: ContainerState;
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ContainerStatus extends Container {
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exitCode: number;
  /** As the runtime says it: Completed, Error, OOMKilled, … */
  readonly reason: string;
  readonly message: string;
  readonly logPath: string;
}

export interface Image {
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  /** The user that the image's config names: a number, or a name. */
  readonly uid?: number;
  readonly username?: string;
}

export interface PullCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly registryToken?: string;
  readonly identityToken?: string;
}

/** Something happened to a container or sandbox; the listener asks for the state. Lost events are made good by a slow relist. */
export interface EngineEvent {
  readonly type: "created" | "started" | "stopped" | "deleted" | "oom";
  readonly containerId: string;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** The ends of an exec, attach or port-forward; the streams are web streams so that the core needs no host. */
export interface StreamSession {
  readonly stdin?: WritableStream<Uint8Array>;
  readonly stdout?: ReadableStream<Uint8Array>;
  readonly stderr?: ReadableStream<Uint8Array>;
  resize(columns: number, rows: number): void;
  /** Resolves with the exit code when the process ended (attach: 0 when the container's streams closed). */
  readonly done: Promise<number>;
  close(): void;
}

export interface ExecOptions {
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface ContainerStats {
  readonly containerId: string;
  readonly cpuUsageNanoCores?: number;
  readonly cpuUsageCoreNanoSeconds: number;
  readonly memoryWorkingSetBytes: number;
  /** What the container wrote outside its volumes; a measurement that may be some seconds old. */
  readonly writableLayerBytes: number;
  readonly writableLayerInodes: number;
}

/** Every method throws an Error whose message is fit for a user's event. Timeouts are in milliseconds. */
export interface ContainerEngine {
  version(): Promise<{ readonly runtime: string; readonly version: string; readonly apiVersion: string }>;
  /** Why the engine cannot run pods now, in the words of the node's condition; empty when it can. */
  notReady(): Promise<string>;
  runSandbox(config: SandboxConfig): Promise<string>;
  stopSandbox(id: string): Promise<void>;
  removeSandbox(id: string): Promise<void>;
  sandboxStatus(id: string): Promise<SandboxStatus | undefined>;
  listSandboxes(): Promise<readonly Sandbox[]>;
  createContainer(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Asks the container to stop and kills it after `graceSeconds`. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  containerStatus(id: string): Promise<ContainerStatus | undefined>;
  listContainers(): Promise<readonly Container[]>;
  /** Closes and opens the log file again, after it was rotated. */
  reopenLog(id: string): Promise<void>;
  updateResources(id: string, resources: LinuxResources): Promise<void>;
  stats(): Promise<readonly ContainerStats[]>;
  /** The signal ends the command too. */
  execSync(id: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult>;
  exec(id: string, options: ExecOptions): Promise<StreamSession>;
  attach(id: string, options: Omit<ExecOptions, "command">): Promise<StreamSession>;
  /** One connection to `port` inside the sandbox. */
  portForward(
    sandboxId: string,
    port: number,
  ): Promise<{
    readonly data: { readonly readable: ReadableStream<Uint8Array>; readonly writable: WritableStream<Uint8Array> };
    close(): void;
  }>;
  imageStatus(image: string): Promise<Image | undefined>;
  listImages(): Promise<readonly Image[]>;
  pullImage(image: string, credentials: PullCredentials | undefined, signal?: AbortSignal): Promise<string>;
  removeImage(image: string): Promise<void>;
  /** What happens from now on, until the signal is aborted; ends with an error when the engine is lost. */
  events(signal: AbortSignal): AsyncIterable<EngineEvent>;
}
