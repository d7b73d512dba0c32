// Ends pods that the node has no room for: those above their own limits of local storage, and when the node is short of
// something, one after the other. Decisions are those of storage-limits.ts, node-pressure.ts and eviction-order.ts.
import type { EventRecorder } from "../../client/index.ts";
import { errorMessage, waitAtMost } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import type { ContainerStats } from "../engine/index.ts";
import type { ImageKeeper } from "../images/image-keeper.ts";
import type { PodSet } from "../pod/pod-set.ts";
import type { PodWorker } from "../pod/pod-worker.ts";
import { emptyDirsOnDisk, exceededStorage, hasStorageLimits } from "../pod/storage-limits.ts";
import { evictionNotice, evictionOrder, isCriticalPod, type PodUse } from "./eviction-order.ts";
import type { MetThreshold } from "./node-pressure.ts";

/** How long the next look waits for what an evicted pod gives back: podCleanupTimeout of the kubelet's source. */
const cleanUpMsMax = 30_000;

interface Measured extends PodUse {
  /** Bytes by volume name. */
  readonly emptyDirs: ReadonlyMap<string, number>;
}

export class PodEvictor {
  readonly #context: AgentContext;
  readonly #pods: PodSet;
  readonly #images: ImageKeeper;
  readonly #recorder: EventRecorder;

  constructor(context: AgentContext, pods: PodSet, images: ImageKeeper, recorder: EventRecorder) {
    this.#context = context;
    this.#pods = pods;
    this.#images = images;
    this.#recorder = recorder;
  }

  /** Looks once; `again` when pods went, so that it is to be looked at once whether that was enough. */
  async check(): Promise<"again" | undefined> {
    const met = await this.#observe();
    let evicted = await this.#evictForLimits();
    if (evicted.length === 0 && met[0]) evicted = await this.#relieve(met[0]);
    if (evicted.length === 0) return undefined;
    await this.#cleanedUp(evicted);
    return "again";
  }

  async #observe(): Promise<MetThreshold[]> {
    const { host, pressure, clock } = this.#context;
    return pressure.observe(await host.load(), clock.monotonicMs());
  }

  async #evictForLimits(): Promise<PodWorker[]> {
    const { engine, metrics } = this.#context;
    const limited = this.#active().filter((worker) => hasStorageLimits(worker.pod) && !isCriticalPod(worker.pod));
    if (limited.length === 0) return [];
    const stats = byContainer(await engine.stats());
    const evicted: PodWorker[] = [];
    for (const worker of limited) {
      const { containers, emptyDirs } = await this.#measure(worker, stats);
      const inBytes = new Map(containers.map(({ name, diskBytes }) => [name, diskBytes]));
      const exceeded = exceededStorage(worker.pod, { containers: inBytes, emptyDirs });
      if (!exceeded || !worker.evict({ message: exceeded.message })) continue;
      metrics?.evicted(exceeded.signal);
      evicted.push(worker);
    }
    return evicted;
  }

  /** Gives back what nobody misses, or else ends one pod. */
  async #relieve(threshold: MetThreshold): Promise<PodWorker[]> {
    const { engine, log, metrics, node } = this.#context;
    const { resource, signal } = threshold;
    const self = node();
    if (self) this.#recorder.warning(self, "EvictionThresholdMet", `Attempting to reclaim ${resource}`);
    const isOfDisk = resource === "ephemeral-storage" || resource === "inodes";
    if (isOfDisk) {
      await Promise.all([...this.#pods.workers].map((worker) => worker.removeDead()));
      try {
        await this.#images.removeUnused();
      } catch (error) {
        // On a full disk not even that may work: then it costs a pod.
        log.warn("unused images not removed", { error: errorMessage(error) });
      }
      if ((await this.#observe()).length === 0) return [];
    }
    const stats = byContainer(await engine.stats());
    const candidates = [];
    for (const worker of this.#active()) {
      const runs = worker.runtime.containers.some(({ id }) => stats.has(id));
      const use = runs ? await this.#measure(worker, stats, isOfDisk) : undefined;
      candidates.push({ worker, pod: worker.pod, use });
    }
    for (const candidate of evictionOrder(resource, candidates)) {
      if (isCriticalPod(candidate.pod)) continue;
      const { message, annotations } = evictionNotice(threshold, candidate);
      if (!candidate.worker.evict({ message, disruption: message }, annotations)) continue;
      metrics?.evicted(signal);
      return [candidate.worker];
    }
    log.warn("the node is short of something and no pod can go", { ...threshold });
    return [];
  }

  #active(): PodWorker[] {
    return [...this.#pods.workers].filter((worker) => worker.isActive);
  }

  /** What is on the disk is counted file by file, and only when it matters. */
  async #measure(worker: PodWorker, stats: ReadonlyMap<string, ContainerStats>, withDisk = true): Promise<Measured> {
    const { host, paths } = this.#context;
    const { pod, runtime } = worker;
    const use = { memoryBytes: 0, diskBytes: 0, inodes: 0 };
    const containers = new Map<string, { name: string; memoryBytes: number; diskBytes: number }>();
    for (const { id, name } of runtime.containers) {
      const container = containers.get(name) ?? { name, memoryBytes: 0, diskBytes: 0 };
      const measured = stats.get(id);
      container.memoryBytes += measured?.memoryWorkingSetBytes ?? 0;
      container.diskBytes += measured?.writableLayerBytes ?? 0;
      use.inodes += measured?.writableLayerInodes ?? 0;
      containers.set(name, container);
    }
    const emptyDirs = new Map<string, number>();
    if (withDisk) {
      for (const container of containers.values()) {
        const logs = await host.files.diskUse(`${paths.podLogs(pod)}/${container.name}`);
        container.diskBytes += logs.bytes;
        use.inodes += logs.inodes;
      }
      for (const { name } of emptyDirsOnDisk(pod)) {
        const volume = await host.files.diskUse(paths.volume(pod.metadata.uid, "empty-dir", name));
        emptyDirs.set(name, volume.bytes);
        use.diskBytes += volume.bytes;
        use.inodes += volume.inodes;
      }
    }
    for (const { memoryBytes, diskBytes } of containers.values()) {
      use.memoryBytes += memoryBytes;
      use.diskBytes += diskBytes;
    }
    return { ...use, containers: [...containers.values()], emptyDirs };
  }

  #cleanedUp(workers: readonly PodWorker[]): Promise<void> {
    const all = Promise.all(workers.map((worker) => worker.cleanedUp));
    return waitAtMost(this.#context.clock, cleanUpMsMax, all);
  }
}

const byContainer = (stats: readonly ContainerStats[]) => new Map(stats.map((each) => [each.containerId, each]));
