import type { MetricRegistry } from "../lib/index.ts";
import type { VersionInfo } from "../server/http/index.ts";

/** What /version says: the Kubernetes whose API this is, and that it is Roder. */
export const kubernetesVersion = "v1.35.0+roder";

export const versionInfo: VersionInfo = {
  major: "1",
  minor: "35",
  gitVersion: kubernetesVersion,
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "",
  compiler: "node",
  platform: `linux/${process.arch === "x64" ? "amd64" : process.arch}`,
};

/** Tells which Kubernetes this is, by which dashboards compare the parts of a cluster. */
export function observeVersion(metrics: MetricRegistry): void {
  const { major, minor, gitVersion, platform } = versionInfo;
  const labels = ["major", "minor", "git_version", "platform"];
  const help = "The version of this process.";
  metrics.gauge({ name: "kubernetes_build_info", help, labels }).with(major, minor, gitVersion, platform).value = 1;
}
