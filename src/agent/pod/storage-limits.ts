// What pods may use of the node's disk, as the kubelet's eviction manager judges it (localStorageEviction):
// pkg/kubelet/eviction/eviction_manager.go. Memory-backed volumes are bounded by their file systems.
import { compareQuantities, formatQuantity, type Pod, podLimits } from "../../api/index.ts";

const resource = "ephemeral-storage";

/** Bytes on the node's disk. */
export interface StorageUse {
  /** What each container wrote outside its volumes, and its logs; by container name. */
  readonly containers: ReadonlyMap<string, number>;
  /** By volume name. */
  readonly emptyDirs: ReadonlyMap<string, number>;
}

/** The emptyDir volumes that lie on the disk. */
export const emptyDirsOnDisk = (pod: Pod) =>
  (pod.spec.volumes ?? []).filter(({ emptyDir }) => emptyDir && emptyDir.medium !== "Memory");

/** Whether anything of the pod is limited, so that it has to be measured. */
export function hasStorageLimits(pod: Pod): boolean {
  return podLimits(pod).has(resource) || emptyDirsOnDisk(pod).some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined);
}

export interface ExceededStorage {
  /** As the kubelet's metrics name the limit. */
  readonly signal: "emptydirfs.limit" | "ephemeralpodfs.limit" | "ephemeralcontainerfs.limit";
  readonly message: string;
}

/** Which limit the pod exceeds, in the kubelet's words; undefined when none. */
export function exceededStorage(pod: Pod, use: StorageUse): ExceededStorage | undefined {
  const isAbove = (bytes: number | undefined, limit: string) => compareQuantities(String(bytes ?? 0), limit) > 0;
  for (const { name, emptyDir } of emptyDirsOnDisk(pod)) {
    const limit = emptyDir?.sizeLimit;
    if (limit !== undefined && limit !== "0" && isAbove(use.emptyDirs.get(name), limit))
      return {
        signal: "emptydirfs.limit",
        message: `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `,
      };
  }
  const whole = podLimits(pod).get(resource);
  const all = [...use.containers.values(), ...use.emptyDirs.values()].reduce((sum, bytes) => sum + bytes, 0);
  if (whole && isAbove(all, formatQuantity(whole)))
    return {
      signal: "ephemeralpodfs.limit",
      message: `Pod ephemeral local storage usage exceeds the total limit of containers ${formatQuantity(whole)}. `,
    };
  for (const { name, resources } of pod.spec.containers) {
    const limit = resources?.limits?.[resource];
    if (limit !== undefined && isAbove(use.containers.get(name), limit))
      return {
        signal: "ephemeralcontainerfs.limit",
        message: `Container ${name} exceeded its local ephemeral storage limit "${limit}". `,
      };
  }
  return undefined;
}
