import type { Clock } from "../lib/index.ts";
import { HollowFiles } from "./hollow-files.ts";
import type { AgentHost, CgroupLimits, HttpProbe, Machine, MachineLoad, ProbeResult } from "./host.ts";

export interface HollowHostOptions {
  readonly clock: Clock;
  readonly machine?: Partial<Machine>;
  readonly load?: Partial<MachineLoad>;
  readonly resolvConf?: string;
  /** Answers probes; success when left out. */
  readonly http?: (probe: HttpProbe, signal?: AbortSignal) => ProbeResult | Promise<ProbeResult>;
  readonly tcp?: (host: string, port: number) => ProbeResult;
  readonly grpc?: (host: string, port: number, service: string) => ProbeResult;
}

const GiB = 2 ** 30;
const succeeded: ProbeResult = { success: true, output: "" };

/** A machine that is only pretended: for simulated nodes and tests. */
export class HollowHost implements AgentHost {
  readonly files: HollowFiles;
  /** What is mounted where: the source, or `memory`. */
  readonly mounted = new Map<string, string>();
  readonly limits = new Map<string, CgroupLimits>();
  readonly #options: HollowHostOptions;

  constructor(options: HollowHostOptions) {
    this.#options = options;
    this.files = new HollowFiles(options.clock);
  }

  readonly mounts: AgentHost["mounts"] = {
    mountMemory: async (path, _sizeBytes, mode) => {
      await this.files.makeDirectory(path, mode);
      this.mounted.set(path, "memory");
    },
    mountDevice: async (device, path) => {
      await this.files.makeDirectory(path, 0o755);
      this.mounted.set(path, device);
    },
    bindInside: async (base, inner, target) => {
      const real = await this.files.realPath(`${base}/${inner}`);
      if (real === undefined) throw new Error(`${inner}: no such file or directory`);
      if (real !== base && !real.startsWith(`${base}/`)) throw new Error(`${inner} leads out of its volume`);
      this.mounted.set(target, real);
    },
    readInside: async (base, inner, bytesMax) => {
      const content = await this.files.read(`${base}/${inner}`, bytesMax);
      if (content === undefined) throw new Error(`${inner}: no such file or directory`);
      return content;
    },
    makeDirectoryInside: (base, inner, mode) => this.files.makeDirectory(`${base}/${inner}`, mode),
    unmount: async (path) => {
      this.mounted.delete(path);
    },
    mountsBelow: async (path) =>
      [...this.mounted.keys()]
        .filter((each) => each === path || each.startsWith(`${path}/`))
        .sort()
        .reverse(),
  };

  readonly connections: AgentHost["connections"] = {
    http: async (probe, _, signal) => this.#options.http?.(probe, signal) ?? succeeded,
    tcp: async (host, port) => this.#options.tcp?.(host, port) ?? succeeded,
    grpc: async (host, port, service) => this.#options.grpc?.(host, port, service) ?? succeeded,
  };

  readonly cgroups: AgentHost["cgroups"] = {
    ensure: async (path, limits) => {
      this.limits.set(path, limits);
    },
    remove: async (path) => {
      this.limits.delete(path);
    },
    use: async () => undefined,
    network: async () => [],
  };

  async machine(): Promise<Machine> {
    return {
      hostname: "hollow",
      architecture: "amd64",
      cpus: 4,
      memoryBytes: 8 * GiB,
      kernelVersion: "6.0.0",
      osImage: "Hollow",
      machineId: "",
      systemUuid: "",
      bootId: "",
      oomScoreAdjMin: -1000,
      ...this.#options.machine,
    };
  }

  async load(): Promise<MachineLoad> {
    return {
      memoryAvailableBytes: 4 * GiB,
      diskCapacityBytes: 100 * GiB,
      diskAvailableBytes: 50 * GiB,
      inodes: 1_000_000,
      inodesAvailable: 900_000,
      pidsMax: 32_768,
      pids: 100,
      ...this.#options.load,
    };
  }

  async usage(): Promise<undefined> {
    return undefined;
  }

  async resolvConf(): Promise<string> {
    return this.#options.resolvConf ?? "nameserver 192.0.2.1\n";
  }
}
