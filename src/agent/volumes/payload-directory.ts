// Writes a payload so that readers see all of it or all of what was before: the files are in a directory of their own, the
// link `..data` names it, and what users see are links through `..data` (the kubelet's AtomicWriter, volume/util).
import type { HostFiles } from "../host.ts";
import type { Payload, PayloadFile } from "./payload.ts";

const dataLink = "..data";
const nextLink = "..data_tmp";
const directoryMode = 0o755;
const setGid = 0o2000;
/** What the group may do with what a fsGroup gives it: volumes of configuration are read-only. */
const groupRead = 0o440;
const groupEnter = 0o110;

export interface PayloadOptions {
  readonly files: HostFiles;
  /** The volume's directory. */
  readonly path: string;
  /** Gives names to the versions of the payload, different each time. */
  readonly stamp: () => string;
  readonly fsGroup?: number;
}

/** Makes the directory show `payload`; whether anything had to change. */
export async function writePayload(options: PayloadOptions, payload: Payload): Promise<boolean> {
  const { files, path, stamp } = options;
  for (const name of payload.keys()) checkPath(name);
  await makeDirectory(options, path);
  const current = await files.readLink(`${path}/${dataLink}`);
  if (current !== undefined && (await holds(files, `${path}/${current}`, payload))) return false;
  const version = `..${stamp()}`;
  try {
    await makeDirectory(options, `${path}/${version}`);
    for (const [name, file] of payload) await writeFile(options, `${path}/${version}`, name, file);
  } catch (error) {
    // Each try has a version of its own: what there was room for would pile up.
    await files.remove(`${path}/${version}`);
    throw error;
  }
  await files.remove(`${path}/${nextLink}`);
  await files.symlink(version, `${path}/${nextLink}`);
  await files.rename(`${path}/${nextLink}`, `${path}/${dataLink}`);
  await linkVisible(files, path, payload);
  if (current !== undefined) await files.remove(`${path}/${current}`);
  return true;
}

/** The first parts of the paths are links into the data; those that the payload has no more go. */
async function linkVisible(files: HostFiles, path: string, payload: Payload): Promise<void> {
  const visible = new Set([...payload.keys()].map((name) => name.split("/")[0]!));
  for (const name of await files.list(path)) {
    if (!name.startsWith("..") && !visible.has(name)) await files.remove(`${path}/${name}`);
  }
  for (const name of visible) {
    if ((await files.readLink(`${path}/${name}`)) === undefined)
      await files.symlink(`${dataLink}/${name}`, `${path}/${name}`);
  }
}

async function writeFile(options: PayloadOptions, directory: string, name: string, file: PayloadFile): Promise<void> {
  const { files, fsGroup } = options;
  const parts = name.split("/").slice(0, -1);
  for (let depth = 1; depth <= parts.length; depth++) {
    await makeDirectory(options, `${directory}/${parts.slice(0, depth).join("/")}`);
  }
  const path = `${directory}/${name}`;
  await files.write(path, file.content, file.mode);
  if (file.uid !== undefined || fsGroup !== undefined) await files.setOwner(path, file.uid ?? -1, fsGroup ?? -1);
  // After the owner: changing that can take bits away.
  if (fsGroup !== undefined) await files.setMode(path, file.mode | groupRead);
}

async function makeDirectory({ files, fsGroup }: PayloadOptions, path: string): Promise<void> {
  await files.makeDirectory(path, directoryMode);
  if (fsGroup === undefined) return;
  await files.setOwner(path, -1, fsGroup);
  await files.setMode(path, directoryMode | setGid | groupRead | groupEnter);
}

async function holds(files: HostFiles, directory: string, payload: Payload): Promise<boolean> {
  if ((await countFiles(files, directory)) !== payload.size) return false;
  for (const [name, { content }] of payload) {
    const there = await files.read(`${directory}/${name}`);
    if (!there || there.length !== content.length || there.some((byte, index) => byte !== content[index])) return false;
  }
  return true;
}

async function countFiles(files: HostFiles, directory: string): Promise<number> {
  let count = 0;
  for (const name of await files.list(directory)) {
    const path = `${directory}/${name}`;
    count += (await files.status(path))?.type === "directory" ? await countFiles(files, path) : 1;
  }
  return count;
}

/** The API refuses such paths; a node must not write outside a volume even when an API does not. */
function checkPath(name: string): void {
  if (name === "" || name.startsWith("/") || name.split("/").some((part) => part === ".." || part === "")) {
    throw new Error(`invalid path: ${name}`);
  }
  if (name.startsWith("..")) throw new Error(`invalid path: must not start with '..': ${name}`);
}
