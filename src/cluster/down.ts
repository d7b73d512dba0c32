import { CriEngine } from "../agent/engine/cri/index.ts";
import { type Clock, errorMessage, type Logger, systemClock } from "../lib/index.ts";
import type { DataDirectory } from "./data-directory.ts";
import { lockCluster } from "./lock.ts";
import { enginePaths, enginePid, engineSupervisor } from "./node-engine.ts";
import { stopProcess } from "./processes.ts";

/** A component ends within its own time; after this it is killed. */
const componentGraceMs = 30_000;
/** Containers get this long to end by themselves when the whole cluster stops, as a machine that shuts down gives. */
const containerGraceSeconds = 10;

/** Stops every process and container of the cluster; returns whether anything ran. The data stays. */
export async function stopCluster(
  directory: DataDirectory,
  log: Logger,
  graceSeconds = containerGraceSeconds,
): Promise<boolean> {
  const unlock = lockCluster(directory.root);
  try {
    // The node first: it must not bring back the containers that stop.
    const node = await stopProcess(directory, "node", systemClock, componentGraceMs);
    const engine = await stopEngine(directory, systemClock, log, graceSeconds);
    const server = await stopProcess(directory, "server", systemClock, componentGraceMs);
    return node || engine || server;
  } finally {
    unlock();
  }
}

async function stopEngine(directory: DataDirectory, clock: Clock, log: Logger, graceSeconds: number): Promise<boolean> {
  if ((await enginePid(directory)) === undefined) return false;
  const engine = new CriEngine({ socketPath: enginePaths(directory).socket, clock });
  try {
    const containers = (await engine.listContainers()).filter((each) => each.state === "running");
    await Promise.all(containers.map((each) => quietly(log, engine.stopContainer(each.id, graceSeconds))));
    const sandboxes = await engine.listSandboxes();
    await Promise.all(sandboxes.map((each) => quietly(log, engine.stopSandbox(each.id))));
  } finally {
    engine.close();
  }
  const supervisor = await engineSupervisor(directory, log);
  await supervisor.stop();
  return true;
}

/** One container that does not stop must not keep the others running. */
async function quietly(log: Logger, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    log.warn("a container could not be stopped in order", { error: errorMessage(error) });
  }
}
