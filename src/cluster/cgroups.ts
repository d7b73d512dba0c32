/** The cgroup below which everything of a cluster's pods lives, in every hierarchy. */
export function cgroupRootOf(cluster: string): string {
  return cluster === "roder" ? "/roder" : `/roder-${cluster}`;
}
