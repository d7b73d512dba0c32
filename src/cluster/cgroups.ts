import type { DataDirectory } from "./data-directory.ts";

/**
 * The cgroup below which everything of a cluster's pods lives, in every hierarchy. Named for the data directory, which no
 * two clusters share: network namespaces and boots keep clusters of one name apart, and cgroups know neither.
 */
export function cgroupRootOf({ root }: DataDirectory): string {
  return root === "/var/lib/roder" ? "/roder" : `/roder-${encodeURIComponent(root.slice(1))}`;
}
