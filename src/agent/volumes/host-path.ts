import type { FileStatus, HostFiles } from "../host.ts";

const wanted: Readonly<Record<string, { readonly type: FileStatus["type"]; readonly words: string }>> = {
  Directory: { type: "directory", words: "a directory" },
  DirectoryOrCreate: { type: "directory", words: "a directory" },
  File: { type: "file", words: "a file" },
  FileOrCreate: { type: "file", words: "a file" },
  Socket: { type: "socket", words: "a socket file" },
  CharDevice: { type: "characterDevice", words: "a character device" },
  BlockDevice: { type: "blockDevice", words: "a block device" },
};

/** Checks that what is at the path is what the volume says, and makes it where it asks for that. */
export async function checkHostPath(files: HostFiles, path: string, type: string | undefined): Promise<void> {
  if (!type) return;
  const want = wanted[type];
  if (!want) throw new Error(`"${type}" is not a valid volume type`);
  let status = await followed(files, path);
  if (!status && type === "DirectoryOrCreate") await files.makeDirectory(path, 0o755);
  else if (!status && type === "FileOrCreate") await files.write(path, new Uint8Array(), 0o644);
  status ??= await followed(files, path);
  if (status?.type !== want.type) throw new Error(`hostPath type check failed: ${path} is not ${want.words}`);
}

async function followed(files: HostFiles, path: string): Promise<FileStatus | undefined> {
  const real = await files.realPath(path);
  return real === undefined ? undefined : files.status(real);
}
