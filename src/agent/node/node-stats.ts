// What the node and its pods use: what the kubelet says at /stats/summary and /metrics/resource. It is asked of the engine
// and the machine whenever somebody asks; nothing is measured in between.
import type { ContainerStatsOfPod, FsStats, PodStats, StatsSummary } from "../../api/index.ts";
import { type Clock, timestamp } from "../../lib/index.ts";
import { containerIdentity } from "../container/container-labels.ts";
import type { ContainerEngine } from "../engine/index.ts";
import type { AgentHost, DiskUse, MachineLoad } from "../host.ts";

export interface NodeStatsSources {
  readonly engine: Pick<ContainerEngine, "listContainers" | "stats">;
  readonly host: Pick<AgentHost, "usage" | "load">;
  readonly clock: Clock;
  readonly nodeName: string;
}

export async function readNodeStats({ engine, host, clock, nodeName }: NodeStatsSources): Promise<StatsSummary> {
  const [containers, stats, usage, load] = await Promise.all([
    engine.listContainers(),
    engine.stats(),
    host.usage(),
    host.load(),
  ]);
  const nowMs = clock.now();
  // Rates are made of two summaries: the time between them matters to the millisecond.
  const time = timestampMs(nowMs);
  const fs = fsStats(load, time, {
    bytes: load.diskCapacityBytes - load.diskAvailableBytes,
    inodes: load.inodes - load.inodesAvailable,
  });
  const byId = new Map(stats.map((each) => [each.containerId, each]));
  const pods = new Map<string, { readonly stats: PodStats; readonly containers: ContainerStatsOfPod[] }>();
  let [cpuTotal, memoryTotal] = [0, 0];
  for (const { id, state, createdAtMs, labels } of containers) {
    const measured = byId.get(id);
    const identity = containerIdentity(labels);
    if (state !== "running" || !measured || !identity) continue;
    const { uid, containerName, ...ref } = identity;
    const startTime = timestamp(createdAtMs);
    const own = pods.get(uid)?.containers ?? [];
    if (!pods.has(uid))
      pods.set(uid, { stats: { podRef: { ...ref, uid }, startTime, containers: own }, containers: own });
    own.push({
      name: containerName,
      startTime,
      cpu: {
        time,
        usageCoreNanoSeconds: measured.cpuUsageCoreNanoSeconds,
        ...(measured.cpuUsageNanoCores === undefined ? {} : { usageNanoCores: measured.cpuUsageNanoCores }),
      },
      memory: { time, workingSetBytes: measured.memoryWorkingSetBytes },
      rootfs: fsStats(load, time, { bytes: measured.writableLayerBytes, inodes: measured.writableLayerInodes }),
    });
    cpuTotal += measured.cpuUsageCoreNanoSeconds;
    memoryTotal += measured.memoryWorkingSetBytes;
  }
  return {
    node: {
      nodeName,
      startTime: timestamp(usage?.startedAtMs ?? 0),
      // A machine that is only pretended uses what its containers do.
      cpu: { time, usageCoreNanoSeconds: usage?.cpuNanoSeconds ?? cpuTotal },
      memory: {
        time,
        availableBytes: load.memoryAvailableBytes,
        workingSetBytes: usage?.memoryWorkingSetBytes ?? memoryTotal,
      },
      fs,
      runtime: { imageFs: fs, containerFs: fs },
      rlimit: { time, maxpid: load.pidsMax, curproc: load.pids },
    },
    pods: [...pods.values()].map(({ stats: pod, containers: own }) => ({
      ...pod,
      cpu: { time, usageCoreNanoSeconds: own.reduce((sum, { cpu }) => sum + cpu.usageCoreNanoSeconds, 0) },
      memory: { time, workingSetBytes: own.reduce((sum, { memory }) => sum + memory.workingSetBytes, 0) },
    })),
  };
}

/** The machine's file system, with what somebody uses of it. */
function fsStats(load: MachineLoad, time: string, used: DiskUse): FsStats {
  return {
    time,
    availableBytes: load.diskAvailableBytes,
    capacityBytes: load.diskCapacityBytes,
    usedBytes: used.bytes,
    inodesFree: load.inodesAvailable,
    inodes: load.inodes,
    inodesUsed: used.inodes,
  };
}

function timestampMs(ms: number): string {
  return timestamp(ms).replace("Z", `.${String(Math.floor(ms % 1000)).padStart(3, "0")}Z`);
}

/** The summary in the text form of Prometheus: the kubelet's /metrics/resource. */
export function resourceMetricsText({ node, pods }: StatsSummary): string {
  const ofContainers = pods.flatMap(({ podRef: { name, namespace }, containers }) =>
    containers.map((stats) => ({ labels: { container: stats.name, namespace, pod: name }, stats })),
  );
  const ofPods = pods.map(({ podRef: { name, namespace }, containers }) => ({
    labels: { namespace, pod: name },
    cpu: containers.reduce((sum, { cpu }) => sum + cpu.usageCoreNanoSeconds, 0),
    memory: containers.reduce((sum, { memory }) => sum + memory.workingSetBytes, 0),
  }));
  const atMs = Date.parse(node.cpu.time);
  const lines: string[] = [];
  const family = (name: string, type: string, help: string, samples: readonly (readonly [object, number])[]) => {
    if (samples.length === 0) return;
    lines.push(`# HELP ${name} [STABLE] ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of samples) {
      const named = Object.entries(labels).map(([key, each]) => `${key}=${JSON.stringify(each)}`);
      lines.push(`${name}${named.length > 0 ? `{${named.join(",")}}` : ""} ${value} ${atMs}`);
    }
  };
  const seconds = (nanoSeconds: number) => nanoSeconds / 1e9;
  const bytesHelp = "Current working set in bytes of the";
  const cpuHelp = "Cumulative cpu time in core-seconds of the";
  family(
    "container_cpu_usage_seconds_total",
    "counter",
    `${cpuHelp} container`,
    ofContainers.map(({ labels, stats }) => [labels, seconds(stats.cpu.usageCoreNanoSeconds)]),
  );
  family(
    "container_memory_working_set_bytes",
    "gauge",
    `${bytesHelp} container`,
    ofContainers.map(({ labels, stats }) => [labels, stats.memory.workingSetBytes]),
  );
  family(
    "container_start_time_seconds",
    "gauge",
    "Start time of the container in seconds since the epoch",
    ofContainers.map(({ labels, stats }) => [labels, Date.parse(stats.startTime) / 1000]),
  );
  family("node_cpu_usage_seconds_total", "counter", `${cpuHelp} node`, [[{}, seconds(node.cpu.usageCoreNanoSeconds)]]);
  family("node_memory_working_set_bytes", "gauge", `${bytesHelp} node`, [[{}, node.memory.workingSetBytes]]);
  family(
    "pod_cpu_usage_seconds_total",
    "counter",
    `${cpuHelp} pod`,
    ofPods.map(({ labels, cpu }) => [labels, seconds(cpu)]),
  );
  family(
    "pod_memory_working_set_bytes",
    "gauge",
    `${bytesHelp} pod`,
    ofPods.map(({ labels, memory }) => [labels, memory]),
  );
  family("resource_scrape_error", "gauge", "1 if there was an error while getting container metrics, 0 otherwise", [
    [{}, 0],
  ]);
  return `${lines.join("\n")}\n`;
}
