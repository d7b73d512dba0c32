// Between the agent's words and the messages of runtime.v1.
import type {
  Container,
  ContainerConfig,
  ContainerState,
  ContainerStats,
  ContainerStatus,
  Image,
  LinuxResources,
  Mount,
  PullCredentials,
  Sandbox,
  SandboxConfig,
  SandboxStatus,
  SecurityContext,
} from "../engine.ts";
import type * as cri from "./cri.generated.ts";

/** Kubernetes' default paths for procMount: Default; a runtime masks only what it is told. */
const maskedPathsDefault = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const readonlyPathsDefault = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const encoder = new TextEncoder();
const nanosecondsPerMillisecond = 1e6;

export function sandboxMessage(config: SandboxConfig): cri.PodSandboxConfig {
  return {
    metadata: { name: config.name, uid: config.uid, namespace: config.namespace, attempt: config.attempt },
    hostname: config.hostname,
    log_directory: config.logDirectory,
    ...(config.dns ? { dns_config: config.dns } : {}),
    port_mappings: config.portMappings.map((port) => ({
      protocol: port.protocol,
      container_port: port.containerPort,
      host_port: port.hostPort,
      host_ip: port.hostIp,
    })),
    labels: config.labels,
    annotations: config.annotations,
    linux: {
      cgroup_parent: config.cgroupParent,
      sysctls: config.sysctls,
      security_context: {
        namespace_options: namespaceOptions(config),
        ...userMessage(config.security),
        readonly_rootfs: config.security.readOnlyRootFilesystem,
        privileged: config.security.privileged,
        ...seccompMessage(config.security.seccomp),
      },
    },
  };
}

export function containerMessage(config: ContainerConfig, sandbox: SandboxConfig): cri.ContainerConfig {
  const { security, targetContainerId: target } = config;
  return {
    metadata: { name: config.name, attempt: config.attempt },
    image: { image: config.image },
    command: config.command,
    args: config.args,
    working_dir: config.workingDir,
    envs: Object.entries(config.env).map(([key, value]) => ({ key, value: encoder.encode(value) })),
    mounts: config.mounts.map(mountMessage),
    devices: config.devices.map((device) => ({
      container_path: device.containerPath,
      host_path: device.hostPath,
      permissions: device.permissions,
    })),
    labels: config.labels,
    annotations: config.annotations,
    log_path: config.logPath,
    stdin: config.stdin,
    stdin_once: config.stdinOnce,
    tty: config.tty,
    linux: {
      resources: resourcesMessage(config.resources),
      security_context: {
        namespace_options: {
          ...namespaceOptions(sandbox),
          ...(target === undefined ? {} : { pid: "TARGET", target_id: target }),
        },
        ...userMessage(security),
        ...(security.runAsUserName === undefined ? {} : { run_as_username: security.runAsUserName }),
        privileged: security.privileged,
        readonly_rootfs: security.readOnlyRootFilesystem,
        no_new_privs: security.noNewPrivileges,
        capabilities: { add_capabilities: security.addCapabilities, drop_capabilities: security.dropCapabilities },
        masked_paths: security.maskedPaths ?? (security.privileged ? [] : maskedPathsDefault),
        readonly_paths: security.readonlyPaths ?? (security.privileged ? [] : readonlyPathsDefault),
        ...seccompMessage(security.seccomp),
      },
    },
  };
}

export function resourcesMessage(resources: LinuxResources): cri.LinuxContainerResources {
  return {
    cpu_shares: resources.cpuShares ?? 0,
    cpu_quota: resources.cpuQuota ?? 0,
    cpu_period: resources.cpuPeriod ?? 0,
    memory_limit_in_bytes: resources.memoryLimitBytes ?? 0,
    oom_score_adj: resources.oomScoreAdj ?? 0,
  };
}

export function credentialsMessage(credentials: PullCredentials): cri.AuthConfig {
  return {
    ...(credentials.username === undefined ? {} : { username: credentials.username }),
    ...(credentials.password === undefined ? {} : { password: credentials.password }),
    ...(credentials.registryToken === undefined ? {} : { registry_token: credentials.registryToken }),
    ...(credentials.identityToken === undefined ? {} : { identity_token: credentials.identityToken }),
  };
}

function namespaceOptions(sandbox: SandboxConfig): cri.NamespaceOption {
  const pid = sandbox.hostPid ? "NODE" : sandbox.shareProcessNamespace ? "POD" : "CONTAINER";
  return { network: sandbox.hostNetwork ? "NODE" : "POD", pid, ipc: sandbox.hostIpc ? "NODE" : "POD" };
}

function userMessage(security: SecurityContext) {
  return {
    ...(security.runAsUser === undefined ? {} : { run_as_user: { value: security.runAsUser } }),
    ...(security.runAsGroup === undefined ? {} : { run_as_group: { value: security.runAsGroup } }),
    supplemental_groups: security.supplementalGroups,
  };
}

const localhostSeccomp = "Localhost/";

function seccompMessage(profile: string): { readonly seccomp?: cri.SecurityProfile } {
  if (profile === "RuntimeDefault" || profile === "Unconfined") return { seccomp: { profile_type: profile } };
  if (!profile.startsWith(localhostSeccomp)) return {};
  return { seccomp: { profile_type: "Localhost", localhost_ref: profile.slice(localhostSeccomp.length) } };
}

function mountMessage(mount: Mount): cri.Mount {
  const propagations = {
    private: "PROPAGATION_PRIVATE",
    hostToContainer: "PROPAGATION_HOST_TO_CONTAINER",
    bidirectional: "PROPAGATION_BIDIRECTIONAL",
  } as const;
  return {
    container_path: mount.containerPath,
    host_path: mount.hostPath,
    readonly: mount.readonly,
    propagation: propagations[mount.propagation],
  };
}

// protobuf leaves out what has its default value, so everything that comes may be missing.

export function sandboxOf(message: cri.PodSandbox | cri.PodSandboxStatus): Sandbox {
  return {
    id: message.id ?? "",
    name: message.metadata?.name ?? "",
    namespace: message.metadata?.namespace ?? "",
    uid: message.metadata?.uid ?? "",
    attempt: message.metadata?.attempt ?? 0,
    ready: (message.state ?? "SANDBOX_READY") === "SANDBOX_READY",
    createdAtMs: milliseconds(message.created_at),
    labels: message.labels ?? {},
    annotations: message.annotations ?? {},
  };
}

export function sandboxStatusOf(message: cri.PodSandboxStatus): SandboxStatus {
  const first = message.network?.ip ?? "";
  const others = (message.network?.additional_ips ?? []).map((each) => each.ip ?? "");
  return { ...sandboxOf(message), ips: [first, ...others].filter((ip) => ip !== "") };
}

const containerStates: Record<cri.ContainerState, ContainerState> = {
  CONTAINER_CREATED: "created",
  CONTAINER_RUNNING: "running",
  CONTAINER_EXITED: "exited",
  CONTAINER_UNKNOWN: "unknown",
};

export function containerOf(message: cri.Container): Container {
  return { ...commonOf(message), sandboxId: message.pod_sandbox_id ?? "" };
}

/** A status does not say its sandbox: containers are looked up by listing. */
export function containerStatusOf(message: cri.ContainerStatus, sandboxId: string): ContainerStatus {
  const finishedAtMs = milliseconds(message.finished_at);
  const startedAtMs = milliseconds(message.started_at);
  return {
    ...commonOf(message),
    sandboxId,
    // containerd takes the time of the start when starting is done: a process that lived shorter has ended before that.
    startedAtMs: finishedAtMs > 0 ? Math.min(startedAtMs, finishedAtMs) : startedAtMs,
    finishedAtMs,
    exitCode: message.exit_code ?? 0,
    reason: message.reason ?? "",
    message: message.message ?? "",
    logPath: message.log_path ?? "",
  };
}

function commonOf(message: cri.Container | cri.ContainerStatus): Omit<Container, "sandboxId"> {
  return {
    id: message.id ?? "",
    name: message.metadata?.name ?? "",
    attempt: message.metadata?.attempt ?? 0,
    image: message.image?.image ?? "",
    imageId: message.image_ref ?? "",
    state: containerStates[message.state ?? "CONTAINER_CREATED"],
    createdAtMs: milliseconds(message.created_at),
    labels: message.labels ?? {},
    annotations: message.annotations ?? {},
  };
}

export function imageOf(message: cri.Image): Image {
  return {
    id: message.id ?? "",
    tags: message.repo_tags ?? [],
    digests: message.repo_digests ?? [],
    sizeBytes: message.size ?? 0,
    ...(message.uid ? { uid: message.uid.value ?? 0 } : {}),
    ...(message.username ? { username: message.username } : {}),
  };
}

/**
 * What a runtime cannot do now, in the kubelet's words; empty when it can run pods. Runtimes have conditions of their own,
 * as containerd's that nothing outdated is in use: they keep no pod from running.
 */
export function whyNotReady(conditions: readonly cri.RuntimeCondition[]): string {
  const errors = conditions.flatMap(({ type = "", status, reason = "", message = "" }) => {
    const what = { RuntimeReady: "container runtime", NetworkReady: "container runtime network" }[type];
    return status || what === undefined ? [] : [`${what} not ready: ${type}=false reason:${reason} message:${message}`];
  });
  // As Go's aggregated errors are written.
  return errors.length > 1 ? `[${errors.join(", ")}]` : (errors[0] ?? "");
}

export function statsOf(message: cri.ContainerStats): ContainerStats {
  const nanoCores = message.cpu?.usage_nano_cores;
  return {
    containerId: message.attributes?.id ?? "",
    ...(nanoCores ? { cpuUsageNanoCores: nanoCores.value ?? 0 } : {}),
    cpuUsageCoreNanoSeconds: message.cpu?.usage_core_nano_seconds?.value ?? 0,
    memoryWorkingSetBytes: message.memory?.working_set_bytes?.value ?? 0,
    writableLayerBytes: message.writable_layer?.used_bytes?.value ?? 0,
    writableLayerInodes: message.writable_layer?.inodes_used?.value ?? 0,
  };
}

function milliseconds(nanoseconds: number | undefined): number {
  return Math.floor((nanoseconds ?? 0) / nanosecondsPerMillisecond);
}
