// What containers use, to Prometheus, under the names that cAdvisor has for it: the kubelet's /metrics/cadvisor. What the
// kernel counts is read when somebody asks. https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md
import { type Pod, quantityMilliValue, quantityValue } from "../../api/index.ts";
import { MetricRegistry } from "../../lib/index.ts";
import { cpuQuota, cpuShares, podCgroup } from "../container/linux-resources.ts";
import type { AgentContext } from "../context.ts";
import type { ContainerStats, ContainerStatus } from "../engine/index.ts";
import { type CgroupUse, cpuPeriod, type NetworkUse } from "../host.ts";
import { findContainer } from "../pod/pod-containers.ts";
import type { PodSet } from "../pod/pod-set.ts";

/** One cgroup: a container's, a sandbox's or a whole pod's. */
export interface Sample {
  readonly labels: SampleLabels;
  readonly use?: CgroupUse;
  readonly network?: readonly NetworkUse[];
  readonly container?: {
    readonly startedAtMs: number;
    readonly writtenBytes: number;
    readonly cpuMilliRequest: number;
    readonly cpuMilliLimit: number;
    readonly memoryLimitBytes: number;
  };
}

export interface SampleLabels {
  readonly id: string;
  readonly pod: string;
  readonly namespace: string;
  readonly container: string;
  readonly image: string;
  /** The engine's id. */
  readonly name: string;
}

export interface SampledMachine {
  readonly cpus: number;
  readonly memoryBytes: number;
}

type Context = Pick<AgentContext, "engine" | "host" | "settings">;

export async function readSamples({ engine, host, settings }: Context, pods: PodSet): Promise<Sample[]> {
  const stats = new Map((await engine.stats()).map((each) => [each.containerId, each]));
  const samples: Sample[] = [];
  for (const { pod, runtime } of pods.workers) {
    const { name, namespace = "" } = pod.metadata;
    const group = podCgroup(settings.cgroupRoot, pod);
    const ofPod = { pod: name, namespace, container: "", image: "", name: "" };
    const whole = await host.cgroups.use(group);
    if (whole) samples.push({ labels: { ...ofPod, id: group }, use: whole });
    for (const { id, ready } of runtime.sandboxes) {
      // A pod in the machine's network has no interfaces of its own.
      if (!ready || pod.spec.hostNetwork) continue;
      const path = `${group}/${id}`;
      samples.push({ labels: { ...ofPod, id: path, name: id }, network: await host.cgroups.network(path) });
    }
    for (const status of runtime.containers) {
      if (status.state !== "running") continue;
      const path = `${group}/${status.id}`;
      const measured = stats.get(status.id);
      const use = (await host.cgroups.use(path)) ?? (measured && useOf(measured));
      if (!use) continue;
      const labels = { ...ofPod, id: path, container: status.name, image: status.image, name: status.id };
      samples.push({ labels, use, container: containerFacts(pod, status, measured) });
    }
  }
  return samples;
}

function containerFacts(pod: Pod, status: ContainerStatus, measured: ContainerStats | undefined) {
  const { requests = {}, limits = {} } = findContainer(pod, status.name)?.spec.resources ?? {};
  return {
    startedAtMs: status.startedAtMs,
    writtenBytes: measured?.writableLayerBytes ?? 0,
    cpuMilliRequest: quantityMilliValue(requests.cpu ?? limits.cpu ?? "0"),
    cpuMilliLimit: quantityMilliValue(limits.cpu ?? "0"),
    memoryLimitBytes: quantityValue(limits.memory ?? "0"),
  };
}

/** What an engine says of a container whose cgroup is not where a kernel would have it. */
function useOf({ cpuUsageCoreNanoSeconds, memoryWorkingSetBytes }: ContainerStats): CgroupUse {
  return {
    cpu: {
      nanoSeconds: cpuUsageCoreNanoSeconds,
      userNanoSeconds: 0,
      systemNanoSeconds: 0,
      periods: 0,
      throttledPeriods: 0,
      throttledNanoSeconds: 0,
    },
    memory: {
      usageBytes: memoryWorkingSetBytes,
      workingSetBytes: memoryWorkingSetBytes,
      rssBytes: memoryWorkingSetBytes,
      cacheBytes: 0,
      swapBytes: 0,
      failures: 0,
    },
    processes: 0,
    blocks: { reads: 0, writes: 0, readBytes: 0, writtenBytes: 0 },
  };
}

const labelNames = ["container", "id", "image", "name", "namespace", "pod"];
const labelValues = ({ container, id, image, name, namespace, pod }: SampleLabels) =>
  [container, id, image, name, namespace, pod] as const;
const seconds = (nanoSeconds: number) => nanoSeconds / 1e9;

/** Text format of Prometheus. */
export function containerMetricsText(samples: readonly Sample[], machine: SampledMachine, nowMs: number): string {
  const registry = new MetricRegistry();
  const used = (
    type: "counter" | "gauge",
    name: string,
    help: string,
    of: (use: CgroupUse) => number,
    extra: Readonly<Record<string, string>> = {},
  ) => {
    const family = registry[type]({ name, help, labels: [...labelNames, ...Object.keys(extra)] });
    for (const { labels, use } of samples)
      if (use) family.with(...labelValues(labels), ...Object.values(extra)).value = of(use);
  };
  const specified = (name: string, help: string, of: (facts: NonNullable<Sample["container"]>) => number) => {
    const family = registry.gauge({ name, help, labels: labelNames });
    for (const { labels, container } of samples)
      if (container) family.with(...labelValues(labels)).value = of(container);
  };
  const total = { cpu: "total" };
  used("counter", "container_cpu_usage_seconds_total", "Seconds of cores.", (u) => seconds(u.cpu.nanoSeconds), total);
  used("counter", "container_cpu_user_seconds_total", "Of them, in programs.", (u) => seconds(u.cpu.userNanoSeconds));
  used("counter", "container_cpu_system_seconds_total", "Of them, in the kernel.", (u) =>
    seconds(u.cpu.systemNanoSeconds),
  );
  used("counter", "container_cpu_cfs_periods_total", "Periods with a limit.", (u) => u.cpu.periods);
  used("counter", "container_cpu_cfs_throttled_periods_total", "Periods whose limit was reached.", (u) => {
    return u.cpu.throttledPeriods;
  });
  used("counter", "container_cpu_cfs_throttled_seconds_total", "Seconds of waiting in them.", (u) =>
    seconds(u.cpu.throttledNanoSeconds),
  );
  used("gauge", "container_memory_usage_bytes", "Memory in use.", ({ memory }) => memory.usageBytes);
  used("gauge", "container_memory_working_set_bytes", "Memory in use that cannot be given back at once.", (u) => {
    return u.memory.workingSetBytes;
  });
  used("gauge", "container_memory_rss", "Memory of programs in bytes.", ({ memory }) => memory.rssBytes);
  used("gauge", "container_memory_cache", "Memory of files in bytes.", ({ memory }) => memory.cacheBytes);
  used("gauge", "container_memory_swap", "Memory that was swapped out, in bytes.", ({ memory }) => memory.swapBytes);
  used("counter", "container_memory_failcnt", "How often the limit was reached.", ({ memory }) => memory.failures);
  used("gauge", "container_processes", "Processes.", ({ processes }) => processes);
  used("counter", "container_fs_reads_total", "Reads that reached a device.", ({ blocks }) => blocks.reads);
  used("counter", "container_fs_writes_total", "Writes that reached a device.", ({ blocks }) => blocks.writes);
  used("counter", "container_fs_reads_bytes_total", "Bytes of these reads.", ({ blocks }) => blocks.readBytes);
  used("counter", "container_fs_writes_bytes_total", "Bytes of these writes.", ({ blocks }) => blocks.writtenBytes);
  used("gauge", "container_last_seen", "When this was measured, in seconds since the epoch.", () => nowMs / 1_000);
  specified("container_fs_usage_bytes", "Bytes written outside volumes.", (facts) => facts.writtenBytes);
  specified("container_start_time_seconds", "Start in seconds since the epoch.", (facts) => facts.startedAtMs / 1_000);
  specified("container_spec_cpu_period", "The period of the limit in microseconds.", () => cpuPeriod);
  specified("container_spec_cpu_shares", "The share of the processors.", (facts) => cpuShares(facts.cpuMilliRequest));
  specified("container_spec_cpu_quota", "Microseconds in each period; -1 without a limit.", (facts) => {
    return cpuQuota(facts.cpuMilliLimit) ?? -1;
  });
  specified("container_spec_memory_limit_bytes", "0 without a limit.", (facts) => facts.memoryLimitBytes);
  networkMetrics(registry, samples);
  registry.gauge({ name: "machine_cpu_cores", help: "Processors of the machine." }).with().value = machine.cpus;
  registry.gauge({ name: "machine_memory_bytes", help: "Memory of the machine." }).with().value = machine.memoryBytes;
  return registry.text();
}

function networkMetrics(registry: MetricRegistry, samples: readonly Sample[]): void {
  for (const [direction, verb] of [
    ["received", "receive"],
    ["transmitted", "transmit"],
  ] as const) {
    for (const [count, word] of [
      ["bytes", "bytes"],
      ["packets", "packets"],
      ["errors", "errors"],
      ["dropped", "packets_dropped"],
    ] as const) {
      const family = registry.counter({
        name: `container_network_${verb}_${word}_total`,
        help: `Network ${word.replaceAll("_", " ")} ${direction}.`,
        labels: [...labelNames, "interface"],
      });
      for (const { labels, network = [] } of samples)
        for (const each of network)
          family.with(...labelValues(labels), each.interfaceName).value = each[direction][count];
    }
  }
}
