import type { Pod } from "../../api/index.ts";
import type { ContainerStatus } from "../engine/index.ts";
import type { HostFiles } from "../host.ts";
import type { Paths } from "../paths.ts";

/** Removes the log of a container, the rotated ones too, and its termination message. */
export async function removeContainerFiles(
  files: HostFiles,
  paths: Paths,
  pod: Pod,
  container: ContainerStatus,
): Promise<void> {
  const { name, attempt, logPath } = container;
  await files.remove(paths.terminationMessage(pod.metadata.uid, name, attempt));
  for (const file of await logFiles(files, logPath)) await files.remove(file);
}

/** The log itself and what was rotated away from it, the oldest first. */
export async function logFiles(files: HostFiles, logPath: string): Promise<string[]> {
  const slash = logPath.lastIndexOf("/");
  const directory = logPath.slice(0, slash);
  const base = logPath.slice(slash + 1);
  const names = (await files.list(directory)).filter((name) => name.startsWith(`${base}.`)).sort();
  return [...names.map((name) => `${directory}/${name}`), ...((await files.status(logPath)) ? [logPath] : [])];
}
