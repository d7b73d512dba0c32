// Small images for tests, made on the spot from files of this machine.
import { imageArchitecture, ociArchive } from "../../src/agent/host/containerd/index.ts";
import { busyboxRoot } from "../../src/cluster/stand-in-images.ts";

export {
  type ImageConfig,
  type OciImage,
  ociArchive,
  type TarEntry,
  tar,
} from "../../src/agent/host/containerd/index.ts";

/** The archive of an image with busybox and links for all its commands. */
export function busyboxImage(name: string): Uint8Array<ArrayBuffer> {
  const config = { Cmd: ["sh"], Env: ["PATH=/bin"] };
  return ociArchive({ names: [name], architecture: imageArchitecture(), layers: [busyboxRoot()], config });
}
