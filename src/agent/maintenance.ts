// What the agent does now and then: rotates logs, removes unused images, keeps the shares of the classes of pods, and evicts
// pods that use more of the disk than they may.
import { podQos, podRequests, quantityMilliValue } from "../api/index.ts";
import { errorMessage, pause } from "../lib/index.ts";
import { cpuShares, qosCgroup } from "./container/linux-resources.ts";
import type { AgentContext } from "./context.ts";
import { imageGarbage } from "./images/image-garbage.ts";
import { rotateLog } from "./logs/log-rotation.ts";
import type { PodSet } from "./pod/pod-set.ts";
import { emptyDirsOnDisk, exceededStorage, hasStorageLimits } from "./pod/storage-limits.ts";
import { periodsOf, settingsDefaults } from "./settings.ts";

/** Starts all of it; ends with the signal. */
export function startMaintenance(context: AgentContext, pods: PodSet): void {
  const images = new ImageKeeper(context, pods);
  const { logsMs, imagesMs, sharesMs, storageMs } = periodsOf(context.settings);
  void every(context, logsMs, "log rotation", () => rotateLogs(context, pods));
  void every(context, storageMs, "measurement of local storage", () => evictForStorage(context, pods));
  void every(context, imagesMs, "removal of unused images", () => images.collect());
  void every(context, sharesMs, "update of the shares of pods", () => updateShares(context, pods));
}

async function every(context: AgentContext, periodMs: number, what: string, work: () => Promise<void>): Promise<void> {
  const { clock, log, signal } = context;
  while (!signal.aborted) {
    try {
      await work();
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

async function evictForStorage({ engine, host, paths }: AgentContext, pods: PodSet): Promise<void> {
  const limited = [...pods.workers].filter((worker) => worker.isActive && hasStorageLimits(worker.pod));
  if (limited.length === 0) return;
  const written = new Map((await engine.stats()).map((each) => [each.containerId, each.writableLayerBytes]));
  for (const worker of limited) {
    const { pod } = worker;
    const containers = new Map<string, number>();
    for (const { id, name } of worker.runtime.containers)
      containers.set(name, (containers.get(name) ?? 0) + (written.get(id) ?? 0));
    for (const [name, bytes] of containers)
      containers.set(name, bytes + (await host.files.diskUsage(`${paths.podLogs(pod)}/${name}`)));
    const emptyDirs = new Map<string, number>();
    for (const { name } of emptyDirsOnDisk(pod))
      emptyDirs.set(name, await host.files.diskUsage(paths.volume(pod.metadata.uid, "empty-dir", name)));
    const message = exceededStorage(pod, { containers, emptyDirs });
    if (message !== undefined) worker.evict(message);
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

/** Remembers when images were used, and removes those that were not for longest when the disk fills up. */
class ImageKeeper {
  readonly #context: AgentContext;
  readonly #pods: PodSet;
  readonly #lastUsedAtMs = new Map<string, number>();

  constructor(context: AgentContext, pods: PodSet) {
    this.#context = context;
    this.#pods = pods;
  }

  async collect(): Promise<void> {
    const { engine, host, clock, settings, log } = this.#context;
    const nowMs = clock.now();
    const used = new Set<string>(settings.keptImages ?? []);
    for (const { runtime } of this.#pods.workers) {
      for (const { image, imageId } of runtime.containers) used.add(image).add(imageId);
    }
    const images = (await engine.listImages()).map((image) => {
      const isUsed = [image.id, ...image.tags, ...image.digests].some((name) => used.has(name));
      const lastUsedAtMs = isUsed ? nowMs : (this.#lastUsedAtMs.get(image.id) ?? nowMs);
      return { image, lastUsedAtMs };
    });
    this.#lastUsedAtMs.clear();
    for (const { image, lastUsedAtMs } of images) this.#lastUsedAtMs.set(image.id, lastUsedAtMs);
    const { diskCapacityBytes, diskAvailableBytes } = await host.load();
    const limits = settings.imageGc ?? settingsDefaults.imageGc;
    for (const image of imageGarbage({ images, used, diskCapacityBytes, diskAvailableBytes, ...limits, nowMs })) {
      log.info("removing an unused image", { image: image.tags[0] ?? image.id, bytes: image.sizeBytes });
      await engine.removeImage(image.id);
      this.#lastUsedAtMs.delete(image.id);
    }
  }
}
