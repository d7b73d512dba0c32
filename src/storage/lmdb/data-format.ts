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
/**
 * LMDB's first two pages are meta pages: after a page header of 24 bytes this number, the version of the file format, the
 * page size, and at the end the last page that is used and the transaction that wrote this (MDB_meta of lmdb 0.9's mdb.c).
 */
const metaBytes = 160;
const magicOffset = 24;
const pageBytesOffset = 48;
const lastPageOffset = 144;
const transactionOffset = 152;
const magic = 0xbeefc0de;
const lmdbVersion = 2;
const pageBytesMin = 4096;
const pageBytesMax = 65_536;

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

/** Fails where lmdb-js 3.5 would end the process with a signal: on a damaged or shortened file, and on a full disk. */
async function checkDatabase(path: string): Promise<void> {
  const file = join(path, databaseFile);
  const found = await openIfExists(file, async (handle) => ({
    size: (await handle.stat()).size,
    neededBytes: await neededBytes(handle),
  }));
  if (found === undefined || found.size === 0) {
    await checkRoom(path);
    return;
  }
  if (found.neededBytes === undefined || found.size < found.neededBytes)
    throw new Error(`${file} is damaged: restore the data directory from a backup`);
}

/** How long the file of a database must be by the newer of its meta pages; undefined when one of them is none. */
async function neededBytes(file: FileHandle): Promise<number | undefined> {
  const first = await readMeta(file, 0);
  if (!first || first.pageBytes < pageBytesMin || first.pageBytes > pageBytesMax) return undefined;
  const second = await readMeta(file, first.pageBytes);
  if (!second || second.pageBytes !== first.pageBytes) return undefined;
  const { lastPage, pageBytes } = second.transaction > first.transaction ? second : first;
  return (lastPage + 1) * pageBytes;
}

async function readMeta(file: FileHandle, position: number) {
  const page = Buffer.alloc(metaBytes);
  const { bytesRead } = await file.read(page, 0, metaBytes, position);
  const isMeta =
    bytesRead === metaBytes &&
    page.readUInt32LE(magicOffset) === magic &&
    (page.readUInt32LE(magicOffset + 4) & 0xffff) === lmdbVersion;
  if (!isMeta) return undefined;
  return {
    pageBytes: page.readUInt32LE(pageBytesOffset),
    lastPage: Number(page.readBigUInt64LE(lastPageOffset)),
    transaction: page.readBigUInt64LE(transactionOffset),
  };
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
