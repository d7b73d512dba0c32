// How full the volumes of claims are, to Prometheus: the kubelet's kubelet_volume_stats_*. Each is looked at when somebody
// asks (pkg/kubelet/metrics/collectors/volume_stats.go).
import { MetricRegistry } from "../../lib/index.ts";
import type { HostFiles, Space } from "../host.ts";

/** A claim whose volume pods have mounted. */
export interface MountedClaim {
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
}

const families: readonly (readonly [name: string, help: string, of: (space: Space) => number])[] = [
  ["capacity_bytes", "Capacity in bytes of the volume", ({ capacityBytes }) => capacityBytes],
  ["available_bytes", "Number of available bytes in the volume", ({ availableBytes }) => availableBytes],
  ["used_bytes", "Number of used bytes in the volume", ({ usedBytes }) => usedBytes],
  ["inodes", "Maximum number of inodes in the volume", ({ inodes }) => inodes],
  ["inodes_free", "Number of free inodes in the volume", ({ inodesFree }) => inodesFree],
  ["inodes_used", "Number of used inodes in the volume", ({ inodes, inodesFree }) => inodes - inodesFree],
];

/** A claim that several pods have is told once. */
export async function claimMetricsText(files: HostFiles, claims: Iterable<MountedClaim>): Promise<string> {
  const byName = new Map([...claims].map((claim) => [`${claim.namespace}/${claim.name}`, claim]));
  const registry = new MetricRegistry();
  const labels = ["namespace", "persistentvolumeclaim"] as const;
  const gauges = families.map(([name, help, of]) => {
    return { of, gauge: registry.gauge({ name: `kubelet_volume_stats_${name}`, help, labels }) };
  });
  for (const { namespace, name, path } of byName.values()) {
    const space = await files.space(path);
    if (space) for (const { gauge, of } of gauges) gauge.with(namespace, name).value = of(space);
  }
  return byName.size === 0 ? "" : registry.text();
}
