// Small images for tests, made on the spot from files of this machine.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { imageArchitecture, ociArchive, tar } from "../../src/agent/host/containerd/index.ts";

export {
  type ImageConfig,
  type OciImage,
  ociArchive,
  type TarEntry,
  tar,
} from "../../src/agent/host/containerd/index.ts";

/** Where Debian's busybox-static puts its one program. */
const busyboxPath = "/bin/busybox";

/** The archive of an image with busybox and links for all its commands. */
export function busyboxImage(name: string): Uint8Array<ArrayBuffer> {
  const applets = execFileSync(busyboxPath, ["--list"], { encoding: "utf8" }).trim().split("\n");
  const layer = tar([
    ...["bin", "etc", "root"].map((path) => ({ path, directory: true }) as const),
    { path: "tmp", directory: true, mode: 0o1777 },
    { path: "bin/busybox", mode: 0o755, content: readFileSync(busyboxPath) },
    ...applets.filter((applet) => applet !== "busybox").map((applet) => ({ path: `bin/${applet}`, link: "busybox" })),
    { path: "etc/passwd", content: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n" },
    { path: "etc/group", content: "root:x:0:\nnogroup:x:65534:\n" },
  ]);
  const config = { Cmd: ["sh"], Env: ["PATH=/bin"] };
  return ociArchive({ names: [name], architecture: imageArchitecture(), layers: [layer], config });
}
