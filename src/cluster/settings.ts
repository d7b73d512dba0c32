import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { errorMessage, UserError } from "../lib/index.ts";
import type { DataDirectory } from "./data-directory.ts";

/** The layout of the data directory that this Roder reads and writes; it grows when an older Roder could not read it. */
export const dataVersion = 1;

/** What `roder up` decided once for a cluster and every later start keeps. */
export interface ClusterSettings {
  readonly dataVersion: number;
  readonly name: string;
  readonly port: number;
  readonly bindAddress: string;
  readonly nodes: number;
  /** How many simulated nodes there are beside them. */
  readonly hollowNodes?: number;
  readonly nodeName: string;
  readonly podRange: string;
  readonly serviceRange: string;
  readonly clusterDomain: string;
  /** Where the node's agent listens: each cluster of a machine has its own. */
  readonly agentPort: number;
  /** The kubeconfig that `up` wrote or merged into. */
  readonly kubeconfig: string;
  /** The admission plugins that are on, or off, although Kubernetes has them otherwise by default. */
  readonly enableAdmissionPlugins?: readonly string[];
  readonly disableAdmissionPlugins?: readonly string[];
  /** Modules with scheduling plugins, absolute paths. */
  readonly schedulerPlugins?: readonly string[];
}

/** What the cluster in `directory` was made with; undefined when there is none. Refuses a directory of a newer Roder. */
export function readSettings(directory: DataDirectory): ClusterSettings | undefined {
  let text: string;
  try {
    text = readFileSync(directory.settings, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new UserError(`cannot read ${directory.settings} (${code}): run as the user who made it`, { cause: error });
  }
  let parsed: ClusterSettings;
  try {
    parsed = JSON.parse(text) as ClusterSettings;
  } catch (error) {
    throw new UserError(
      `${directory.settings} is damaged (${errorMessage(error)}): mend it, or restore it from a backup`,
      {
        cause: error,
      },
    );
  }
  if (typeof parsed.dataVersion !== "number" || parsed.dataVersion > dataVersion) {
    throw new UserError(
      `${directory.root} was written by a newer Roder (data version ${parsed.dataVersion}, this one reads up to ${dataVersion}): update Roder, or choose another --data-dir`,
    );
  }
  return parsed;
}

export function writeSettings(directory: DataDirectory, settings: ClusterSettings): void {
  writeFileDurably(directory.settings, `${JSON.stringify(settings, undefined, 2)}\n`);
}

/** Writes a private file so that a crash leaves the old content or the new, never a part. */
function writeFileDurably(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.new`;
  const file = openSync(temporary, "w", 0o600);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}
