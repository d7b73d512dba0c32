// How probes went, to Prometheus: the kubelet's /metrics/probes.
import type { Pod } from "../../api/index.ts";
import { MetricRegistry } from "../../lib/index.ts";
import type { ProbeTotal } from "./pod-probes.ts";

export interface ProbedWorker {
  readonly pod: Pod;
  readonly probeTotals: readonly ProbeTotal[];
}

/** Text format of Prometheus; what is told of a pod ends with it. */
export function probeMetricsText(workers: Iterable<ProbedWorker>): string {
  const registry = new MetricRegistry();
  const totals = registry.counter({
    name: "prober_probe_total",
    help: "Results of the probes of containers: successful or failed.",
    labels: ["probe_type", "result", "container", "pod", "namespace", "pod_uid"],
  });
  for (const { pod, probeTotals } of workers) {
    const { name, namespace = "", uid } = pod.metadata;
    for (const { kind, result, container, count } of probeTotals)
      totals.with(kindWords[kind], result, container, name, namespace, uid).add(count);
  }
  return registry.text();
}

const kindWords = { startup: "Startup", liveness: "Liveness", readiness: "Readiness" } as const;
