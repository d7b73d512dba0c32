// What a node's agent says at /stats/summary: k8s.io/kubelet/pkg/apis/stats/v1alpha1, as far as Roder's agent knows it.
import type { Time } from "../types.generated.ts";

export interface CpuStats {
  readonly time: Time;
  /** Nanoseconds of one core since the start. */
  readonly usageCoreNanoSeconds: number;
  /** As of now, where the engine measures it. */
  readonly usageNanoCores?: number;
}
export interface MemoryStats {
  readonly time: Time;
  readonly workingSetBytes: number;
  readonly availableBytes?: number;
}
/** Of a file system, or what of it somebody uses. */
export interface FsStats {
  readonly time: Time;
  readonly availableBytes: number;
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly inodesFree: number;
  readonly inodes: number;
  readonly inodesUsed: number;
}
interface Stats {
  readonly startTime: Time;
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
}
export interface NodeStats extends Stats {
  readonly nodeName: string;
  /** With the agent's data. */
  readonly fs?: FsStats;
  /** With images, and with what containers write. */
  readonly runtime?: { readonly imageFs: FsStats; readonly containerFs: FsStats };
  readonly rlimit?: { readonly time: Time; readonly maxpid: number; readonly curproc: number };
}
export interface ContainerStatsOfPod extends Stats {
  readonly name: string;
  readonly rootfs?: FsStats;
}
export interface PodStats {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly startTime: Time;
  readonly cpu?: CpuStats;
  readonly memory?: MemoryStats;
  /** Those that run. */
  readonly containers: readonly ContainerStatsOfPod[];
}
export interface StatsSummary {
  readonly node: NodeStats;
  readonly pods: readonly PodStats[];
}
