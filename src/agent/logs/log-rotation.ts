// Keeps containers' logs from filling the disk, as the kubelet does: at a size the log is set aside, older ones are compressed.
import { type Clock, timestamp } from "../../lib/index.ts";
import type { ContainerEngine, ContainerStatus } from "../engine/index.ts";
import type { HostFiles } from "../host.ts";
import { logFiles } from "./container-logs.ts";

export interface LogLimits {
  readonly bytesMax: number;
  /** The log itself and what was set aside, together. */
  readonly filesMax: number;
}

const compressedSuffix = ".gz";

/** What to do with the logs that were set aside before, given oldest first, when one more comes. */
export function planRotation(setAside: readonly string[], filesMax: number): { remove: string[]; compress: string[] } {
  // The log itself and the one that is set aside now need a place each.
  const kept = Math.max(0, filesMax - 2);
  const remove = setAside.slice(0, Math.max(0, setAside.length - kept));
  const compress = setAside.slice(remove.length).filter((path) => !path.endsWith(compressedSuffix));
  return { remove, compress };
}

/** Sets the log of a running container aside when it is too large. */
export async function rotateLog(
  { files, engine, clock }: { readonly files: HostFiles; readonly engine: ContainerEngine; readonly clock: Clock },
  container: ContainerStatus,
  { bytesMax, filesMax }: LogLimits,
): Promise<void> {
  const { id, logPath } = container;
  const log = await files.status(logPath);
  // Set aside by an agent that ended before it could say so: the runtime is still writing there.
  if (!log) await engine.reopenLog(id);
  if (!log || log.sizeBytes < bytesMax) return;
  const setAside = (await logFiles(files, logPath)).filter((path) => path !== logPath);
  const { remove, compress } = planRotation(setAside, filesMax);
  for (const path of remove) await files.remove(path);
  for (const path of compress) await files.compress(path, path + compressedSuffix);
  const rotated = `${logPath}.${timestamp(clock.now()).replace(/[-:Z]/g, "").replace("T", "-")}`;
  await files.rename(logPath, rotated);
  try {
    await engine.reopenLog(id);
  } catch (error) {
    // The runtime goes on writing into what was set aside: put it back, the next time tries again.
    await files.rename(rotated, logPath);
    throw error;
  }
}
