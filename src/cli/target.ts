import { resolve } from "node:path";
import {
  type ClusterSettings,
  type DataDirectory,
  dataDirectory,
  defaultDataRoot,
  readSettings,
} from "../cluster/index.ts";
import { UserError } from "../lib/index.ts";

/** Whether this process may do what only root may. */
export const isRoot = () => process.getuid?.() === 0;

export function directoryOf(options: { readonly dataDir?: string }): DataDirectory {
  return dataDirectory(resolve(options.dataDir ?? defaultDataRoot(isRoot(), process.env)));
}

/** The cluster that a command is about; refuses when there is none. */
export function existingCluster(options: { readonly dataDir?: string }): {
  directory: DataDirectory;
  settings: ClusterSettings;
} {
  const directory = directoryOf(options);
  const settings = readSettings(directory);
  if (!settings) throw new UserError(`there is no cluster in ${directory.root}: make one with "roder up"`);
  if (settings.nodes > 0 && !isRoot())
    throw new UserError(`the cluster in ${directory.root} belongs to root: use sudo`);
  return { directory, settings };
}
