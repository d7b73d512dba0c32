// What the agent needs of the machine it runs on. The adapter for Linux is host/; HollowHost only pretends.

export interface FileStatus {
  readonly type: "file" | "directory" | "symlink" | "socket" | "blockDevice" | "characterDevice" | "other";
  /** The permission bits, with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

export interface DiskUse {
  readonly bytes: number;
  readonly inodes: number;
}

/** Of a file system. */
export interface Space {
  readonly capacityBytes: number;
  /** For who is not root. */
  readonly availableBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

/** Paths are absolute. Every method throws an Error with the path and the system's reason. */
export interface HostFiles {
  /** Makes the directory and those above it; `mode` is given to the last one whatever the umask, also when it was there. */
  makeDirectory(path: string, mode?: number): Promise<void>;
  /** Replaces the file's content; `mode` whatever the umask. */
  write(path: string, content: Uint8Array, mode: number): Promise<void>;
  /** The content, at most `bytesMax` of it: the first, or with `fromEnd` the last. Undefined when there is no such file. */
  read(path: string, bytesMax?: number, fromEnd?: boolean): Promise<Uint8Array | undefined>;
  /** The names in a directory; none when it is not there. */
  list(path: string): Promise<readonly string[]>;
  /** Of the path itself (a symbolic link is not followed); undefined when nothing is there. */
  status(path: string): Promise<FileStatus | undefined>;
  /** The path with every symbolic link resolved; undefined when nothing is there. */
  realPath(path: string): Promise<string | undefined>;
  rename(from: string, to: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  readLink(path: string): Promise<string | undefined>;
  setMode(path: string, mode: number): Promise<void>;
  /** Of the path itself; -1 leaves that one alone. */
  setOwner(path: string, uid: number, gid: number): Promise<void>;
  /** Removes what is there and below. Refuses when something is still mounted at or below the path. */
  remove(path: string): Promise<void>;
  /** What the files at and below the path take of the disk; nothing when nothing is there. */
  diskUse(path: string): Promise<DiskUse>;
  /** Of the file system that the path is on; undefined when nothing is there. */
  space(path: string): Promise<Space | undefined>;
  /** Makes a gzip file of `from` at `to` and removes `from`. */
  compress(from: string, to: string): Promise<void>;
}

export interface HostMounts {
  /** A file system in memory; nothing happens when one is mounted there. */
  mountMemory(path: string, sizeBytes: number | undefined, mode: number): Promise<void>;
  /** Mounts a block device's file system, and makes one of the type first where it has none; nothing happens when one is mounted there. */
  mountDevice(device: string, path: string, fsType: string): Promise<void>;
  /**
   * Mounts `base`/`inner` at `target` so that no symbolic link, whoever changes it meanwhile, can lead out of `base`.
   * Throws when the inner path does not stay inside or is not there.
   */
  bindInside(base: string, inner: string, target: string): Promise<void>;
  /** The file `base`/`inner`, at most `bytesMax` of it, found as `bindInside` does. Throws for what is no file. */
  readInside(base: string, inner: string, bytesMax: number): Promise<Uint8Array>;
  /** As mkdir -p of `base`/`inner`, never following a link out of `base`. */
  makeDirectoryInside(base: string, inner: string, mode: number): Promise<void>;
  /** Unmounts what is mounted at the path; nothing happens when nothing is. */
  unmount(path: string): Promise<void>;
  /** What is mounted at or below the path, the innermost first. */
  mountsBelow(path: string): Promise<readonly string[]>;
}

export type ProbeResult = {
  readonly success: boolean;
  readonly output: string;
  /** A success that is worth an event: `output` says why. */
  readonly warning?: boolean;
  /** Whether a server of HTTP said something, whatever it was. */
  readonly answered?: boolean;
};

export interface HttpProbe {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

/** Connections that the agent opens for probes and hooks. The output of a failure is worded as the kubelet's. */
export interface HostConnections {
  /** Success is a code from 200 to 399; certificates are not verified; redirects to other hosts count as success. Rejects when aborted. */
  http(probe: HttpProbe, timeoutMs: number, signal?: AbortSignal): Promise<ProbeResult>;
  tcp(host: string, port: number, timeoutMs: number): Promise<ProbeResult>;
  /** grpc.health.v1 Check. */
  grpc(host: string, port: number, service: string, timeoutMs: number): Promise<ProbeResult>;
}

/** What the kernel takes as CPU shares (cgroup v1). */
export const cpuSharesMin = 2;
export const cpuSharesMax = 262_144;
/** In which a CPU quota may be used up, in microseconds; the kernel's default. */
export const cpuPeriod = 100_000;

/** The cgroup of a pod or of a quality of service class, above those of the containers. */
export interface CgroupLimits {
  /** From `cpuSharesMin` to `cpuSharesMax`. */
  readonly cpuShares: number;
  /** Microseconds in each `cpuPeriod`; undefined is no limit. */
  readonly cpuQuota?: number;
  readonly memoryLimitBytes?: number;
}

/** What the processes of a cgroup have used. */
export interface CgroupUse {
  readonly cpu: {
    readonly nanoSeconds: number;
    readonly userNanoSeconds: number;
    readonly systemNanoSeconds: number;
    /** Periods with a limit, those in which it was reached, and how long processes waited then. */
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledNanoSeconds: number;
  };
  readonly memory: {
    readonly usageBytes: number;
    /** Without what the kernel could give back at once. */
    readonly workingSetBytes: number;
    readonly rssBytes: number;
    readonly cacheBytes: number;
    readonly swapBytes: number;
    /** How often the limit was reached. */
    readonly failures: number;
  };
  readonly processes: number;
  readonly blocks: {
    readonly reads: number;
    readonly writes: number;
    readonly readBytes: number;
    readonly writtenBytes: number;
  };
}

/** What went through one interface of a network namespace. */
export interface NetworkUse {
  readonly interfaceName: string;
  readonly received: PacketCounts;
  readonly transmitted: PacketCounts;
}

export interface PacketCounts {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
}

export interface HostCgroups {
  /** Makes the cgroup when it is not there and sets its limits, in every hierarchy that the machine has. */
  ensure(path: string, limits: CgroupLimits): Promise<void>;
  /** Removes the cgroup and those below; they must have no process. */
  remove(path: string): Promise<void>;
  /** Undefined where there is no such cgroup. */
  use(path: string): Promise<CgroupUse | undefined>;
  /** The interfaces, but the loopback, of the network that the processes of the cgroup are in; none without processes. */
  network(path: string): Promise<readonly NetworkUse[]>;
}

/** What the machine is; it does not change while the agent runs. */
export interface Machine {
  readonly hostname: string;
  /** As Kubernetes names them: amd64, arm64. */
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  /** The lowest oom_score_adj that the agent's containers may have: below its own only with CAP_SYS_RESOURCE. */
  readonly oomScoreAdjMin: number;
}

/** How full the machine is now. */
export interface MachineLoad {
  readonly memoryAvailableBytes: number;
  /** Of the file system with the agent's data. */
  readonly diskCapacityBytes: number;
  readonly diskAvailableBytes: number;
  readonly inodes: number;
  readonly inodesAvailable: number;
  readonly pidsMax: number;
  readonly pids: number;
}

/** What everything on the machine has used. */
export interface MachineUsage {
  readonly startedAtMs: number;
  /** Of one core, since the start. */
  readonly cpuNanoSeconds: number;
  /** Without what the kernel could give back at once. */
  readonly memoryWorkingSetBytes: number;
}

export interface AgentHost {
  readonly files: HostFiles;
  readonly mounts: HostMounts;
  readonly connections: HostConnections;
  readonly cgroups: HostCgroups;
  machine(): Promise<Machine>;
  load(): Promise<MachineLoad>;
  /** Undefined for a machine that is only pretended. */
  usage(): Promise<MachineUsage | undefined>;
  /** The machine's resolv.conf, as text. */
  resolvConf(): Promise<string>;
}
