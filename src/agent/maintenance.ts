// What the agent does now and then: rotates logs, removes unused images, keeps the shares of the classes of pods, and ends
// pods that the node has no room for.
import { podQos, podRequests, quantityMilliValue } from "../api/index.ts";
import type { EventRecorder } from "../client/index.ts";
import { errorMessage, pause } from "../lib/index.ts";
import { cpuShares, qosCgroup } from "./container/linux-resources.ts";
import type { AgentContext } from "./context.ts";
import { PodEvictor } from "./eviction/pod-evictor.ts";
import { ImageKeeper } from "./images/image-keeper.ts";
import { rotateLog } from "./logs/log-rotation.ts";
import type { PodSet } from "./pod/pod-set.ts";
import { periodsOf, settingsDefaults } from "./settings.ts";

/** Starts all of it; ends with the signal. */
export function startMaintenance(context: AgentContext, pods: PodSet, recorder: EventRecorder): void {
  const images = new ImageKeeper(context, pods);
  const evictor = new PodEvictor(context, pods, images, recorder);
  const { logsMs, imagesMs, sharesMs, evictionMs } = periodsOf(context.settings);
  void every(context, logsMs, "log rotation", () => rotateLogs(context, pods));
  void every(context, evictionMs, "eviction", () => evictor.check());
  void every(context, imagesMs, "removal of unused images", () => images.collect());
  void every(context, sharesMs, "update of the shares of pods", () => updateShares(context, pods));
}

/** Work that says `again` is not waited for. */
type Work = () => Promise<unknown>;

async function every(context: AgentContext, periodMs: number, what: string, work: Work): Promise<void> {
  const { clock, log, signal } = context;
  while (!signal.aborted) {
    try {
      if ((await work()) === "again") continue;
    } catch (error) {
      if (!signal.aborted) log.warn(`${what} failed`, { error: errorMessage(error) });
    }
    await pause(clock, periodMs, signal);
  }
}

async function rotateLogs({ host, engine, clock, settings, log }: AgentContext, pods: PodSet): Promise<void> {
  const limits = settings.logRotation ?? settingsDefaults.logRotation;
  for (const worker of pods.workers) {
    for (const container of worker.runtime.containers) {
      if (container.state !== "running") continue;
      try {
        await rotateLog({ files: host.files, engine, clock }, container, limits);
      } catch (error) {
        // The logs of the other containers are rotated all the same.
        log.warn("log not rotated", { path: container.logPath, error: errorMessage(error) });
      }
    }
  }
}

/** Burstable pods share what they asked for together; the best-effort ones get the least there is. */
async function updateShares({ host, settings }: AgentContext, pods: PodSet): Promise<void> {
  let milliCpu = 0;
  for (const { pod, isActive } of pods.workers) {
    const request = podRequests(pod).get("cpu");
    if (isActive && request && podQos(pod) === "Burstable") milliCpu += quantityMilliValue(request);
  }
  await host.cgroups.ensure(qosCgroup(settings.cgroupRoot, "BestEffort"), { cpuShares: cpuShares(0) });
  await host.cgroups.ensure(qosCgroup(settings.cgroupRoot, "Burstable"), { cpuShares: cpuShares(milliCpu) });
}
