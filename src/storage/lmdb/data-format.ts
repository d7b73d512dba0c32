import { type FileHandle, mkdir, open, readFile, rename, statfs } from "node:fs/promises";
import { join } from "node:path";
import { StorageFull } from "../storage.ts";

/** The version of what lmdb-storage.ts writes; it grows when an older Roder could not read it. */
export const formatVersion = 1;

const formatFile = "format.json";
export const databaseFile = "data.mdb";

/** The file that holds the data of a directory. */
export const databasePath = (path: string) => join(path, databaseFile);

/** What an empty database takes, its lock file included, generously. */
const newDatabaseBytes = 1024 * 1024;
/** LMDB's meta page begins with a page header of 24 bytes, this number, and the version of the file format. */
const magicOffset = 24;
const magic = 0xbeefc0de;
const lmdbVersion = 2;
const pageBytesMin = 4096;

/**
 * Makes sure that the directory is there and holds data that this version can read. The record is a file of its own, so
 * that it can be read before LMDB opens, and thereby changes, anything.
 */
export async function prepareDataDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (!(await holdsData(path))) {
    await checkRoom(path);
    await writeFormat(path);
  }
  await checkDatabase(path);
}

/** Whether there is data in the directory. Throws when this version cannot read it; changes nothing. */
export async function holdsData(path: string): Promise<boolean> {
  const found = await readFormat(path);
  if (found === undefined) {
    if (await openIfExists(join(path, databaseFile), (file) => file.stat())) {
      throw new Error(`${path} holds a database that is not Roder's: use another data directory`);
    }
    return false;
  }
  if (found > formatVersion) {
    throw new Error(
      `${path} was written by a newer Roder (data format ${found}; this one knows up to ${formatVersion}): ` +
        "run that version or a newer one, or use another data directory",
    );
  }
  return true;
}

async function readFormat(path: string): Promise<number | undefined> {
  const file = join(path, formatFile);
  const text = await openIfExists(file, (handle) => readFile(handle, "utf8"));
  if (text === undefined) return undefined;
  const version = parseFormat(text);
  if (version === undefined) throw new Error(`${file} is damaged: restore the data directory from a backup`);
  return version;
}

/** Fails where lmdb-js 3.5 would end the process with a segmentation fault: on a damaged file, and on a full disk. */
async function checkDatabase(path: string): Promise<void> {
  const file = join(path, databaseFile);
  const head = Buffer.alloc(magicOffset + 8);
  const found = await openIfExists(file, async (handle) => ({
    bytesRead: (await handle.read(head, 0, head.length, 0)).bytesRead,
    size: (await handle.stat()).size,
  }));
  if (found === undefined || found.size === 0) {
    await checkRoom(path);
    return;
  }
  const isSound =
    found.bytesRead === head.length &&
    head.readUInt32LE(magicOffset) === magic &&
    (head.readUInt32LE(magicOffset + 4) & 0xffff) === lmdbVersion &&
    found.size >= 2 * pageBytesMin;
  if (!isSound) throw new Error(`${file} is damaged: restore the data directory from a backup`);
}

async function checkRoom(path: string): Promise<void> {
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize < newDatabaseBytes) throw new StorageFull();
}

async function openIfExists<T>(file: string, read: (handle: FileHandle) => Promise<T>): Promise<T | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined; // asked for
    throw error;
  }
  try {
    return await read(handle);
  } finally {
    await handle.close();
  }
}

function parseFormat(text: string): number | undefined {
  try {
    const { formatVersion: version } = JSON.parse(text) as { formatVersion?: unknown }; // any JSON: checked below
    return Number.isInteger(version) ? (version as number) : undefined;
  } catch {
    return undefined; // not JSON: the caller says that it is damaged
  }
}

/** Writes the record so that after a crash it is there whole or not at all. */
async function writeFormat(path: string): Promise<void> {
  const temporary = join(path, `${formatFile}.new`);
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ formatVersion })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(path, formatFile));
  await syncDirectory(path);
}

/** Makes the names of new files in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
