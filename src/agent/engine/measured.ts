import { type Clock, exponentialBuckets, type MetricRegistry } from "../../lib/index.ts";
import type { ContainerEngine } from "./engine.ts";

/** As k8s.io/kubernetes/pkg/kubelet/metrics has them. */
const secondsBuckets = exponentialBuckets(0.005, 2.5, 14);
const labels = ["operation_type"];

/** The engine, with what is asked of it counted under the names that the kubelet has for it. */
export function measuredEngine(engine: ContainerEngine, metrics: MetricRegistry, clock: Clock): ContainerEngine {
  const totals = metrics.counter({
    name: "kubelet_runtime_operations_total",
    help: "What was asked of the container runtime.",
    labels,
  });
  const durations = metrics.histogram({
    name: "kubelet_runtime_operations_duration_seconds",
    help: "How long the container runtime took.",
    labels,
    buckets: secondsBuckets,
  });
  const failures = metrics.counter({
    name: "kubelet_runtime_operations_errors_total",
    help: "What the container runtime failed at.",
    labels,
  });
  function measured<A extends unknown[], R>(operation: string, run: (...args: A) => Promise<R>) {
    const total = totals.with(operation);
    const duration = durations.with(operation);
    const failed = failures.with(operation);
    return async (...args: A): Promise<R> => {
      const startMs = clock.monotonicMs();
      total.add();
      try {
        return await run.apply(engine, args);
      } catch (error) {
        failed.add();
        throw error;
      } finally {
        duration.observe((clock.monotonicMs() - startMs) / 1000);
      }
    };
  }
  return {
    version: measured("version", engine.version),
    notReady: measured("status", engine.notReady),
    runSandbox: measured("run_podsandbox", engine.runSandbox),
    stopSandbox: measured("stop_podsandbox", engine.stopSandbox),
    removeSandbox: measured("remove_podsandbox", engine.removeSandbox),
    sandboxStatus: measured("podsandbox_status", engine.sandboxStatus),
    listSandboxes: measured("list_podsandbox", engine.listSandboxes),
    createContainer: measured("create_container", engine.createContainer),
    startContainer: measured("start_container", engine.startContainer),
    stopContainer: measured("stop_container", engine.stopContainer),
    removeContainer: measured("remove_container", engine.removeContainer),
    containerStatus: measured("container_status", engine.containerStatus),
    listContainers: measured("list_containers", engine.listContainers),
    reopenLog: measured("reopen_container_log", engine.reopenLog),
    updateResources: measured("update_container", engine.updateResources),
    stats: measured("list_container_stats", engine.stats),
    execSync: measured("exec_sync", engine.execSync),
    exec: measured("exec", engine.exec),
    attach: measured("attach", engine.attach),
    portForward: measured("port_forward", engine.portForward),
    imageStatus: measured("image_status", engine.imageStatus),
    listImages: measured("list_images", engine.listImages),
    pullImage: measured("pull_image", engine.pullImage),
    removeImage: measured("remove_image", engine.removeImage),
    events: (signal) => engine.events(signal),
  };
}
