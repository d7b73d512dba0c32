import type { CriEngine } from "../agent/engine/cri/index.ts";
import { connectEngine, killContainers } from "../agent/host/containerd/index.ts";
import { type Clock, errorMessage, type Logger, sleep, systemClock } from "../lib/index.ts";
import { cgroupRootOf } from "./cgroups.ts";
import type { DataDirectory } from "./data-directory.ts";
import { lockCluster } from "./lock.ts";
import { enginePaths, enginePid, engineSupervisor } from "./node-engine.ts";
import { stopProcess } from "./processes.ts";
import type { ClusterSettings } from "./settings.ts";

/** A component ends within its own time; after this it is killed. */
const componentGraceMs = 30_000;
/** Containers get this long to end by themselves when the whole cluster stops, as a machine that shuts down gives. */
const containerGraceSeconds = 10;
/** What the engine may need beyond that, and to say what runs; then containers end without it. */
const engineMsMax = 10_000;

/** Stops every process and container of the cluster; returns whether anything ran. The data stays. */
export async function stopCluster(directory: DataDirectory, settings: ClusterSettings, log: Logger): Promise<boolean> {
  const lock = lockCluster(directory.root);
  try {
    return await stopAll(directory, settings, log, containerGraceSeconds);
  } finally {
    lock.release();
  }
}

/** As stopCluster, for who has the cluster's lock. */
export async function stopAll(
  directory: DataDirectory,
  settings: ClusterSettings,
  log: Logger,
  graceSeconds: number,
): Promise<boolean> {
  const hollow = await stopProcess(directory, "hollow", systemClock, componentGraceMs);
  // The node first: it must not bring back the containers that stop.
  const node = await stopProcess(directory, "node", systemClock, componentGraceMs);
  const engine = settings.nodes > 0 && (await stopEngine(directory, systemClock, log, graceSeconds));
  // A container whose shim hangs, or whose engine had ended before.
  const killed =
    settings.nodes > 0 &&
    (await killContainers({
      paths: enginePaths(directory),
      cgroupRoot: cgroupRootOf(directory),
      clock: systemClock,
    }));
  const server = await stopProcess(directory, "server", systemClock, componentGraceMs);
  return hollow || node || engine || killed || server;
}

async function stopEngine(directory: DataDirectory, clock: Clock, log: Logger, graceSeconds: number): Promise<boolean> {
  if ((await enginePid(directory)) === undefined) return false;
  const engine = await connectEngine({ socketPath: enginePaths(directory).socket, clock });
  try {
    // An engine that hangs is not given the containers' grace as well.
    const containers = await inTime(clock, engineMsMax, engine.listContainers());
    const running = containers.filter((each) => each.state === "running");
    await inTime(clock, graceSeconds * 1_000 + engineMsMax, stopContainers(engine, running, log, graceSeconds));
  } catch (error) {
    // Those that are left are killed.
    log.warn("the containers could not be stopped in order", { error: errorMessage(error) });
  } finally {
    engine.close();
  }
  const supervisor = await engineSupervisor(directory, log);
  await supervisor.stop();
  return true;
}

/** Resolves or rejects as `work` does; rejects when that takes too long. */
async function inTime<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = sleep(clock, ms, done.signal).then(() => {
    throw new Error(`the engine took longer than ${ms / 1_000} s`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}

async function stopContainers(
  engine: CriEngine,
  running: readonly { readonly id: string }[],
  log: Logger,
  graceSeconds: number,
): Promise<void> {
  await Promise.all(running.map((each) => quietly(log, engine.stopContainer(each.id, graceSeconds))));
  const sandboxes = await engine.listSandboxes();
  await Promise.all(sandboxes.map((each) => quietly(log, engine.stopSandbox(each.id))));
}

/** One container that does not stop must not keep the others running. */
async function quietly(log: Logger, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    log.warn("a container could not be stopped in order", { error: errorMessage(error) });
  }
}
