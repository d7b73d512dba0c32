import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Replaces the file in one step: a reader, and whoever comes after a crash, sees the old content or the new. Durable
 * when it resolves. With `owner` the new file is theirs, where this process may give it away.
 */
export async function writeFileAtomically(
  path: string,
  content: string,
  mode: number,
  owner?: { readonly uid: number; readonly gid: number },
): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  try {
    const file = await open(temporary, "w", mode);
    try {
      // The mode given to open is cut by the umask.
      await file.chmod(mode);
      if (owner && process.getuid?.() === 0) await file.chown(owner.uid, owner.gid);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The content of a file; undefined when there is none. */
export async function readFileIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Makes the directory for secrets: only its owner may look into it. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
}
