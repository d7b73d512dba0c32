import type { HostFiles } from "../host.ts";

const setGid = 0o2000;
const groupUse = 0o660;
const groupEnter = 0o110;

/**
 * Gives a directory and all below to a group that may read and write it (fsGroup); with `OnRootMismatch` only when the
 * directory itself is not so yet. https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
 */
export async function giveToGroup(
  files: HostFiles,
  path: string,
  gid: number,
  policy: string | undefined,
): Promise<void> {
  const root = await files.status(path);
  const wanted = setGid | groupUse | groupEnter;
  if (policy === "OnRootMismatch" && root?.gid === gid && (root.mode & wanted) === wanted) return;
  await give(files, path, gid);
}

async function give(files: HostFiles, path: string, gid: number): Promise<void> {
  const status = await files.status(path);
  if (!status) return;
  await files.setOwner(path, -1, gid);
  if (status.type === "symlink") return;
  if (status.type !== "directory") {
    await files.setMode(path, status.mode | groupUse);
    return;
  }
  await files.setMode(path, status.mode | groupUse | groupEnter | setGid);
  for (const name of await files.list(path)) await give(files, `${path}/${name}`, gid);
}
