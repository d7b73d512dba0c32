// What a node's agent says at /stats/summary: k8s.io/kubelet/pkg/apis/stats/v1alpha1, as far as Roder's agent knows it.
import type { Time } from "../types.generated.ts";

export interface CpuStats {
  readonly time: Time;
  /** Nanoseconds of one core since the start. */
  readonly usageCoreNanoSeconds: number;
}
export interface MemoryStats {
  readonly time: Time;
  readonly workingSetBytes: number;
}
interface Stats {
  readonly startTime: Time;
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
}
export interface NodeStats extends Stats {
  readonly nodeName: string;
}
export interface ContainerStatsOfPod extends Stats {
  readonly name: string;
}
export interface PodStats {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly startTime: Time;
  /** Those that run. */
  readonly containers: readonly ContainerStatsOfPod[];
}
export interface StatsSummary {
  readonly node: NodeStats;
  readonly pods: readonly PodStats[];
}
