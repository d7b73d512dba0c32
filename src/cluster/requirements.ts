// All that must hold before `roder up` makes or starts anything, in the order in which it costs.
import { errorMessage, UserError } from "../lib/index.ts";
import { findConflict, missingKernelFeatures, networkNames } from "../network/index.ts";
import { holdsData } from "../storage/lmdb/index.ts";
import type { DataDirectory } from "./data-directory.ts";
import { machineOf } from "./node-engine.ts";
import { clientRequirements, installPackages, missingRequirements, nodeRequirements } from "./packages.ts";
import { requireKubeconfig } from "./pki/index.ts";
import {
  freeAgentPort,
  machineAddresses,
  requireFreeDnsPort,
  requireFreePort,
  requireFreeRanges,
  requireShortRoot,
} from "./preflight.ts";
import type { ComponentRecord } from "./processes.ts";
import type { ClusterSettings } from "./settings.ts";

/** Refuses a user who may not run nodes, and a directory that cannot hold one. */
export function requireRights(settings: ClusterSettings, root: string): void {
  if (settings.nodes === 0) return;
  if (process.getuid?.() !== 0) {
    throw new UserError(
      "a node runs containers and needs root: use sudo, or --nodes 0 for a control plane without nodes",
    );
  }
  requireShortRoot(root);
}

export interface Circumstances {
  /** The cluster is not made yet. */
  readonly isNew: boolean;
  /** What of it runs. */
  readonly server: ComponentRecord | undefined;
  readonly node: ComponentRecord | undefined;
}

/**
 * Refuses, with a sentence each, whatever would let a start fail half-way; installs missing packages. Returns the settings
 * that the cluster can start with.
 */
export async function requirePossible(
  directory: DataDirectory,
  settings: ClusterSettings,
  { isNew, server, node }: Circumstances,
  say: (line: string) => void,
): Promise<ClusterSettings> {
  const hasNode = settings.nodes > 0;
  // Later the addresses that lie in the ranges are the cluster's own.
  requireFreeRanges(settings.podRange, settings.serviceRange, isNew && hasNode ? machineAddresses() : []);
  if (isNew) await requireKubeconfig(settings.kubeconfig, { name: settings.name, owner: directory.settings });
  if (!server) {
    await requireReadableData(directory);
    await requireFreePort(settings.bindAddress, settings.port);
  }
  if (!server || (hasNode && !node)) await requirePackages(settings, say);
  if (!hasNode || node) return settings;
  await requireMachine(directory);
  await requireNoConflict(directory, settings, isNew);
  await requireFreeDnsPort();
  const agentPort = await freeAgentPort(settings.agentPort);
  return agentPort === settings.agentPort ? settings : { ...settings, agentPort };
}

async function requireReadableData(directory: DataDirectory): Promise<void> {
  try {
    await holdsData(directory.storage);
  } catch (error) {
    throw new UserError(errorMessage(error), { cause: error });
  }
}

async function requirePackages(settings: ClusterSettings, say: (line: string) => void): Promise<void> {
  const needed = settings.nodes > 0 ? [...nodeRequirements, ...clientRequirements] : clientRequirements;
  const missing = missingRequirements(needed);
  if (missing.length === 0) return;
  if (settings.nodes === 0 && process.getuid?.() !== 0) {
    say("kubectl is not installed; any Kubernetes client can use the kubeconfig");
    return;
  }
  await installPackages(missing, say);
}

async function requireMachine(directory: DataDirectory): Promise<void> {
  const [{ missing }, features] = await Promise.all([machineOf(directory), missingKernelFeatures()]);
  const all = [...missing, ...features];
  if (all.length > 0) throw new UserError(`containers cannot run on this machine: ${all.join("; ")}`);
}

async function requireNoConflict(directory: DataDirectory, settings: ClusterSettings, isNew: boolean): Promise<void> {
  const network = { ...networkNames(settings.name), ...settings, directory: directory.cni };
  const conflict = await findConflict(network);
  if (!conflict) return;
  const flag = { name: "--name", podRange: "--pod-range", serviceRange: "--service-range" }[conflict.of];
  const mend = isNew ? `choose another ${flag}` : `end that, or make this cluster anew with another ${flag}`;
  throw new UserError(`${conflict.what}: ${mend}`);
}
