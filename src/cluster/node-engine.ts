// The node's own containerd, as the processes and commands of a cluster find it.

import { join } from "node:path";
import {
  ContainerdSupervisor,
  containerdPaths,
  detectMachine,
  ImageStore,
  type Machine,
  readMachineFacts,
  runningPid,
} from "../agent/host/containerd/index.ts";
import { type Logger, systemClock, UserError } from "../lib/index.ts";
import type { DataDirectory } from "./data-directory.ts";
import type { ClusterSettings } from "./settings.ts";

export function enginePaths(directory: DataDirectory) {
  return { ...containerdPaths(directory.root), networks: join(directory.cni, "net.d") };
}

export async function machineOf(directory: DataDirectory): Promise<Machine> {
  return detectMachine(await readMachineFacts(directory.containerd));
}

export async function engineSupervisor(directory: DataDirectory, log: Logger): Promise<ContainerdSupervisor> {
  const machine = await machineOf(directory);
  return new ContainerdSupervisor({ paths: enginePaths(directory), machine, clock: systemClock, log });
}

/** The process of the node's containerd; undefined when it does not run. */
export function enginePid(directory: DataDirectory): Promise<number | undefined> {
  return runningPid(enginePaths(directory));
}

/** The images of the node; refuses when there is none, or its containerd does not run. */
export async function nodeImages(directory: DataDirectory, settings: ClusterSettings): Promise<ImageStore> {
  if (settings.nodes === 0) throw new UserError("the cluster has no node to run containers: make one with a node");
  if ((await enginePid(directory)) === undefined) {
    throw new UserError(`the cluster in ${directory.root} has no running node: start it with "roder up"`);
  }
  const { snapshotter } = await machineOf(directory);
  return new ImageStore({ socketPath: enginePaths(directory).socket, snapshotter, clock: systemClock });
}
