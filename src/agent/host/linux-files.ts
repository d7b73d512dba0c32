import { createReadStream, createWriteStream, type Stats } from "node:fs";
import {
  chmod,
  lchown,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  statfs,
  symlink,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { FileStatus, HostFiles } from "../host.ts";
import { mountPointsBelow } from "./mount-table.ts";

const permissionBits = 0o7777;

export const linuxFiles: HostFiles = {
  async makeDirectory(path, mode) {
    await mkdir(path, { recursive: true });
    if (mode !== undefined) await chmod(path, mode);
  },

  async write(path, content, mode) {
    // In place: a file that is mounted into a container must stay the same one.
    await writeFile(path, content, { mode });
    await chmod(path, mode);
  },

  async read(path, bytesMax, fromEnd = false) {
    const file = await unlessMissing(open(path, "r"));
    if (!file) return undefined;
    try {
      const { size } = await file.stat();
      if (bytesMax === undefined) return await file.readFile();
      const length = Math.min(bytesMax, size);
      const buffer = new Uint8Array(length);
      const { bytesRead } = await file.read(buffer, 0, length, fromEnd ? size - length : 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  },

  async list(path) {
    return (await unlessMissing(readdir(path))) ?? [];
  },

  async status(path) {
    const found = await unlessMissing(lstat(path));
    return found && statusOf(found);
  },

  async diskUse(path) {
    const found = await unlessMissing(lstat(path));
    if (!found) return { bytes: 0, inodes: 0 };
    // A file with several names is counted in part at each of them.
    const names = found.isDirectory() ? 1 : found.nlink;
    let [bytes, inodes] = [(found.blocks * 512) / names, 1 / names];
    if (!found.isDirectory()) return { bytes, inodes };
    for (const name of (await unlessMissing(readdir(path))) ?? []) {
      const inner = await linuxFiles.diskUse(`${path}/${name}`);
      bytes += inner.bytes;
      inodes += inner.inodes;
    }
    return { bytes, inodes };
  },

  async space(path) {
    const found = await unlessMissing(statfs(path));
    if (!found) return undefined;
    const { bsize, blocks, bavail, bfree, files: inodes, ffree: inodesFree } = found;
    return {
      capacityBytes: blocks * bsize,
      availableBytes: bavail * bsize,
      usedBytes: (blocks - bfree) * bsize,
      inodes,
      inodesFree,
    };
  },

  realPath: (path) => unlessMissing(realpath(path)),
  rename,
  symlink: (target, path) => symlink(target, path),

  async readLink(path) {
    try {
      return await readlink(path);
    } catch (error) {
      // EINVAL: it is not a link.
      if (hasCode(error, "ENOENT", "ENOTDIR", "EINVAL")) return undefined;
      throw error;
    }
  },

  setMode: chmod,
  setOwner: lchown,

  async remove(path) {
    const [mounted] = await mountPointsBelow(path);
    if (mounted !== undefined) throw new Error(`cannot remove ${path}: ${mounted} is mounted`);
    await rm(path, { recursive: true, force: true });
  },

  async compress(from, to) {
    const { mode } = await lstat(from);
    // Hidden, so that a half that is left by an agent's end is not taken for a file; the next time writes over it.
    const half = join(dirname(to), `.${basename(to)}`);
    try {
      await pipeline(createReadStream(from), createGzip(), createWriteStream(half, { mode: mode & permissionBits }));
      await rename(half, to);
    } catch (error) {
      await rm(half, { force: true });
      throw error;
    }
    await rm(from);
  },
};

function statusOf(found: Stats): FileStatus {
  return {
    type: typeOf(found),
    mode: found.mode & permissionBits,
    uid: found.uid,
    gid: found.gid,
    sizeBytes: found.size,
    modifiedAtMs: found.mtimeMs,
  };
}

function typeOf(found: Stats): FileStatus["type"] {
  if (found.isFile()) return "file";
  if (found.isDirectory()) return "directory";
  if (found.isSymbolicLink()) return "symlink";
  if (found.isSocket()) return "socket";
  if (found.isBlockDevice()) return "blockDevice";
  return found.isCharacterDevice() ? "characterDevice" : "other";
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
