import { type EvictionThresholds, evictionHardDefaults } from "./eviction/node-pressure.ts";

/** How one node's agent works; everything that is not left out is decided by whoever composes the cluster. */
export interface AgentSettings {
  /** Where the agent keeps what belongs to pods: `pods/` and `memory/`. */
  readonly dataDirectory: string;
  /** Where containers' logs are: one directory for each pod. */
  readonly logDirectory: string;
  /** The addresses of this node, the first is its InternalIP and the pods' hostIP. */
  readonly nodeIps: readonly string[];
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  /** The cgroup below which those of pods are made, as `/roder/kubepods` (cgroupfs driver). */
  readonly cgroupRoot: string;
  /** The port of the agent's HTTPS server. */
  readonly port?: number;
  readonly podsMax?: number;
  /** Labels that the node is registered with, beside its own. */
  readonly nodeLabels?: Readonly<Record<string, string>>;
  readonly nodeTaints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  /** What of the machine is not for pods. */
  readonly reserved?: { readonly cpuMilli?: number; readonly memoryBytes?: number };
  readonly pullsAtOnceMax?: number;
  /** Unused images are removed above the first percentage of the disk, until the second is reached. */
  readonly imageGc?: { readonly highPercent: number; readonly lowPercent: number };
  /** Names of images that are never removed: the one of the sandboxes. */
  readonly keptImages?: readonly string[];
  /** What pods are ended for when it is not there. */
  readonly evictionHard?: EvictionThresholds;
  /** How long the node is said to be under pressure after it was. */
  readonly evictionTransitionMs?: number;
  readonly logRotation?: { readonly bytesMax: number; readonly filesMax: number };
  /** Sysctls beyond the safe ones that pods may set; a trailing `*` stands for any ending. */
  readonly allowedUnsafeSysctls?: readonly string[];
  /** What the node says it is, `kubeletVersion`. */
  readonly version?: string;
  /** Whether volumes may be made on this node; they may when it is left out. */
  readonly localVolumes?: boolean;
  /** How often it does what nothing else asks for; as the kubelet when left out. */
  readonly periods?: Partial<AgentPeriods>;
}

export interface AgentPeriods {
  /** Renewals of the node's lease, which lasts four times as long: a quarter of nodeLeaseDurationSeconds. */
  readonly leaseMs: number;
  /** How often the node's status is computed, and written when it differs: nodeStatusUpdateFrequency. */
  readonly statusMs: number;
  /** How often it is written although nothing changed: leases are the heartbeat. nodeStatusReportFrequency. */
  readonly statusReportMs: number;
  /** containerLogMonitorInterval. */
  readonly logsMs: number;
  /** How often it is looked whether pods have to go: evictionMonitoringPeriod of the kubelet's source. */
  readonly evictionMs: number;
  /** periodicQOSCgroupUpdateInterval of the kubelet's source. */
  readonly sharesMs: number;
  /** ImageGCPeriod of the kubelet's source. */
  readonly imagesMs: number;
  /** How often everything is listed from the engine, so that lost events are made good. */
  readonly relistMs: number;
}

export const settingsDefaults = {
  port: 10_250,
  podsMax: 110,
  pullsAtOnceMax: 3,
  imageGc: { highPercent: 85, lowPercent: 80 },
  evictionHard: evictionHardDefaults,
  evictionTransitionMs: 300_000,
  logRotation: { bytesMax: 10 * 2 ** 20, filesMax: 5 },
  version: "v1.35.0+roder",
  periods: {
    leaseMs: 10_000,
    statusMs: 10_000,
    statusReportMs: 300_000,
    logsMs: 10_000,
    evictionMs: 10_000,
    sharesMs: 60_000,
    imagesMs: 300_000,
    relistMs: 300_000,
  },
} as const;

export function periodsOf({ periods }: AgentSettings): AgentPeriods {
  return { ...settingsDefaults.periods, ...periods };
}
