import { ociArchive, tar } from "./oci-archive.ts";
import { type ProgramArchitecture, pauseProgram } from "./pause-program.ts";

/** The image of every pod's sandbox. It exists only on the machine: Roder makes it, nothing pulls it. */
export const pauseImageName = "localhost/roder/pause:1";

/** The image's archive for one architecture. */
export function pauseImage(architecture: ProgramArchitecture): Uint8Array<ArrayBuffer> {
  const layer = tar([{ path: "pause", mode: 0o755, content: pauseProgram(architecture) }]);
  // A user without rights, as in Kubernetes' own image; a pod's security context replaces it.
  const config = { Entrypoint: ["/pause"], User: "65535:65535", WorkingDir: "/" };
  return ociArchive({ names: [pauseImageName], architecture, layers: [layer], config });
}
