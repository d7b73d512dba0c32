import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { MetricRegistry } from "../lib/index.ts";
import type { VersionInfo } from "../server/http/index.ts";

/** What /version says: the Kubernetes whose API this is, and that it is Roder. */
export const kubernetesVersion = "v1.35.0+roder";

/** As git writes that there is none: clients look for hexadecimal digits. */
const noCommit = "0".repeat(40);
/** The same two levels up for the sources and for the program that the launcher makes of them. */
const root = join(import.meta.dirname, "../..");

export const versionInfo: VersionInfo = {
  major: "1",
  minor: "35",
  emulationMajor: "1",
  emulationMinor: "35",
  minCompatibilityMajor: "1",
  minCompatibilityMinor: "34",
  gitVersion: kubernetesVersion,
  // The root of an installed package is somebody else's project.
  gitCommit: existsSync(join(root, "src/cluster/version.ts")) ? commitAt(root) : noCommit,
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  // What the program was made for, as Go's programs say `go1.25`.
  goVersion: `node${process.versions.node}`,
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

/** The commit that is checked out in a directory, by git's own files; zeros where they do not tell. */
export function commitAt(directory: string): string {
  const git = join(directory, ".git");
  const textOf = (path: string) => (existsSync(join(git, path)) ? readFileSync(join(git, path), "utf8").trim() : "");
  const head = textOf("HEAD");
  const branch = /^ref: (.+)$/.exec(head)?.[1];
  if (branch === undefined) return head || noCommit;
  const packed = textOf("packed-refs").split("\n");
  return textOf(branch) || packed.find((line) => line.endsWith(` ${branch}`))?.split(" ")[0] || noCommit;
}
