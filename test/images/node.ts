// An image with Roder's own Node and the files of a program, for what is written in TypeScript and runs in a pod.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { imageArchitecture, ociArchive, type TarEntry, tar } from "../../src/agent/host/containerd/index.ts";
import { busyboxRoot } from "../../src/cluster/stand-in-images.ts";

/** The archive of an image whose command is `node <main>` over the TypeScript files of a directory. */
export function nodeImage(name: string, directory: string, main: string): Uint8Array<ArrayBuffer> {
  const sources = readdirSync(directory)
    .filter((file) => file.endsWith(".ts"))
    .map((file): TarEntry => ({ path: `app/${file}`, content: readFileSync(join(directory, file)) }));
  return ociArchive({
    names: [name],
    architecture: imageArchitecture(),
    layers: [
      busyboxRoot(),
      tar(programFiles("usr/bin/node", process.execPath)),
      tar([{ path: "app", directory: true }, ...sources]),
    ],
    config: { Cmd: ["/usr/bin/node", main], WorkingDir: "/app", Env: ["PATH=/usr/bin:/bin"] },
    // It stays on this machine.
    compress: false,
  });
}

/** A program of this machine, put where `at` says, with the libraries that it needs. */
export function programFiles(at: string, program: string): readonly TarEntry[] {
  const libraries = librariesOf(program).flatMap((path) => fileAndFolders(path.slice(1), path));
  return once([...fileAndFolders(at, program), ...libraries]);
}

/** What the dynamic linker loads, and the linker itself. */
function librariesOf(program: string): readonly string[] {
  const lines = execFileSync("ldd", [program], { encoding: "utf8" }).split("\n");
  return lines.flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

function fileAndFolders(path: string, source: string): TarEntry[] {
  const folders: TarEntry[] = [];
  for (let at = dirname(path); at !== "."; at = dirname(at)) folders.unshift({ path: at, directory: true });
  return [...folders, { path, mode: 0o755, content: readFileSync(realpathSync(source)) }];
}

function once(entries: readonly TarEntry[]): TarEntry[] {
  return [...new Map(entries.map((each) => [each.path, each])).values()];
}
