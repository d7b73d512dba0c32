import { execFile } from "node:child_process";
import { chmod, type FileHandle, mkdir, open, realpath, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { HostMounts } from "../host.ts";
import { mountPointsBelow } from "./mount-table.ts";

const run = promisify(execFile);

/** open(2) on Linux; Node names neither O_PATH nor its value. */
const openPath = 0o10000000;
const openDirectory = 0o200000;
const openNoFollow = 0o400000;
const openCloseOnExec = 0o2000000;

export const linuxMounts: HostMounts = {
  async mountMemory(path, sizeBytes, mode) {
    await mkdir(path, { recursive: true });
    if ((await mountPointsBelow(path)).includes(path)) return;
    const options = [`mode=0${mode.toString(8)}`, ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`])];
    await command("mount", "-t", "tmpfs", "-o", options.join(","), "tmpfs", path);
  },

  async mountDevice(device, path, fsType) {
    // It becomes a program's name.
    if (!/^[a-z0-9]+$/.test(fsType)) throw new Error(`"${fsType}" is no file system`);
    await mkdir(path, { recursive: true });
    if ((await mountPointsBelow(path)).includes(path)) return;
    if (!(await hasContent(device)))
      await command(`mkfs.${fsType}`, ...(fsType.startsWith("ext") ? ["-F", "-m0"] : []), device);
    await command("mount", "-t", fsType, device, path);
  },

  async bindInside(base, inner, target) {
    const source = await openInside(base, await innerPath(base, inner));
    try {
      await makeTarget(target, (await source.stat()).isDirectory());
      // The descriptor is what was checked, whatever has its path by now; mount must not make a path of it again.
      const path = `/proc/${process.pid}/fd/${source.fd}`;
      await command("mount", "--no-canonicalize", "--bind", path, target);
    } finally {
      await source.close();
    }
  },

  async readInside(base, inner, bytesMax) {
    const found = await openInside(base, await innerPath(base, inner));
    try {
      if (!(await found.stat()).isFile()) throw new Error(`${inner} is not a file`);
      // Opened by its descriptor, it is the file that was checked.
      const file = await open(`/proc/self/fd/${found.fd}`);
      try {
        const content = Buffer.alloc(bytesMax);
        const { bytesRead } = await file.read(content, 0, bytesMax, 0);
        return new Uint8Array(content.subarray(0, bytesRead));
      } finally {
        await file.close();
      }
    } finally {
      await found.close();
    }
  },

  async makeDirectoryInside(base, inner, mode) {
    const parts = inner.split("/").filter((part) => part !== "" && part !== ".");
    // From the whole path back to the base, which is there: how far does it exist?
    for (let length = parts.length; length >= 0; length--) {
      const found = await realpath([base, ...parts.slice(0, length)].join("/")).catch(() => undefined);
      if (found === undefined) continue;
      const existing = insideParts(await realpath(base), found, inner);
      await makeBelow(base, existing, parts.slice(length), mode);
      return;
    }
    throw new Error(`${base} is not there`);
  },

  async unmount(path) {
    if ((await mountPointsBelow(path)).includes(path)) await command("umount", path);
  },

  mountsBelow: mountPointsBelow,
};

/** Whether a device has a file system, partitions or anything else that is known by its first bytes. */
async function hasContent(device: string): Promise<boolean> {
  try {
    return (await run("blkid", ["-p", "-o", "export", device])).stdout !== "";
  } catch (error) {
    // blkid(8): 2 says that there is nothing; what cannot be told for sure is somebody's.
    if (error instanceof Error && "code" in error && error.code === 2) return false;
    throw error;
  }
}

async function innerPath(base: string, inner: string): Promise<string[]> {
  return insideParts(await realpath(base), await realpath(`${base}/${inner}`), inner);
}

function insideParts(base: string, real: string, inner: string): string[] {
  if (real !== base && !real.startsWith(`${base}/`)) throw new Error(`subpath ${inner} leads out of its volume`);
  return real
    .slice(base.length)
    .split("/")
    .filter((part) => part !== "");
}

/** Opens what is at the end of `parts` below `base`, one directory after the other, following no link. */
async function openInside(base: string, parts: readonly string[]): Promise<FileHandle> {
  let at = await openAt(await realpath(base));
  for (const part of parts) {
    const next = await openAt(`/proc/self/fd/${at.fd}/${part}`).finally(() => at.close());
    if ((await next.stat()).isSymbolicLink()) {
      await next.close();
      throw new Error(`${part} became a symbolic link`);
    }
    at = next;
  }
  return at;
}

async function makeBelow(
  base: string,
  existing: readonly string[],
  missing: readonly string[],
  mode: number,
): Promise<void> {
  let at = await openInside(base, existing);
  try {
    for (const part of missing) {
      const path = `/proc/self/fd/${at.fd}/${part}`;
      const isNew = await makeUnlessThere(path);
      const next = await openAt(path, openDirectory);
      await at.close();
      at = next;
      if (isNew) await chmod(`/proc/self/fd/${at.fd}`, mode);
    }
  } finally {
    await at.close();
  }
}

/** False when there is something of the name: another pod that has the volume may have made it at the same time. */
async function makeUnlessThere(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function openAt(path: string, flags = 0): Promise<FileHandle> {
  return open(path, openPath | openNoFollow | openCloseOnExec | flags);
}

async function makeTarget(target: string, isDirectory: boolean): Promise<void> {
  await mkdir(isDirectory ? target : dirname(target), { recursive: true });
  if (!isDirectory) await writeFile(target, "", { flag: "a" });
}

async function command(name: string, ...args: readonly string[]): Promise<void> {
  try {
    await run(name, args);
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    throw new Error(`${name} ${args.join(" ")} failed: ${said}`, { cause: error });
  }
}
