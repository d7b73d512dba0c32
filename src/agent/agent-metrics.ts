import { exponentialBuckets, type HistogramSeries, type MetricRegistry } from "../lib/index.ts";
import type { PodSet } from "./pod/pod-set.ts";

/** As k8s.io/kubernetes/pkg/kubelet/metrics has them. */
const startBuckets = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
const containerStates = ["created", "running", "exited", "unknown"] as const;

/** Counts under the names that Kubernetes' kubelet has for them. */
export class AgentMetrics {
  readonly #started: HistogramSeries;
  readonly #evictions: ReturnType<MetricRegistry["counter"]>;
  readonly #setUp: Readonly<Record<"create" | "sync", HistogramSeries>>;

  constructor(registry: MetricRegistry, nodeName: string, pods: PodSet) {
    registry.gauge({ name: "kubelet_node_name", help: "The node's name.", labels: ["node"] }).with(nodeName).value = 1;
    const runningPods = registry.gauge({ name: "kubelet_running_pods", help: "Pods whose sandbox runs." }).with();
    const containers = registry.gauge({
      name: "kubelet_running_containers",
      help: "Containers of this node's pods by their state.",
      labels: ["container_state"],
    });
    registry.onScrape(() => {
      const workers = [...pods.workers];
      runningPods.value = workers.filter(({ runtime }) => runtime.sandboxes.some(({ ready }) => ready)).length;
      const states = workers.flatMap(({ runtime }) => runtime.containers.map(({ state }) => state));
      for (const state of containerStates)
        containers.with(state).value = states.filter((each) => each === state).length;
    });
    this.#started = registry
      .histogram({
        name: "kubelet_pod_start_duration_seconds",
        help: "From when the agent first saw a pod until it ran.",
        buckets: startBuckets,
      })
      .with();
    this.#evictions = registry.counter({
      name: "kubelet_evictions",
      help: "Pods that were ended, by the signal that called for it.",
      labels: ["eviction_signal"],
    });
    const durations = registry.histogram({
      name: "kubelet_pod_worker_duration_seconds",
      help: "How long a step of a pod's setup or teardown took: before the pod ran (create) and after (sync).",
      labels: ["operation_type"],
      buckets: exponentialBuckets(0.005, 2.5, 10),
    });
    this.#setUp = { create: durations.with("create"), sync: durations.with("sync") };
  }

  podStarted(seconds: number): void {
    this.#started.observe(seconds);
  }

  evicted(signal: string): void {
    this.#evictions.with(signal).add();
  }

  stepDone(operation: "create" | "sync", seconds: number): void {
    this.#setUp[operation].observe(seconds);
  }
}
