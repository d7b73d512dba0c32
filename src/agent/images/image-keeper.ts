import { errorMessage } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import type { PodSet } from "../pod/pod-set.ts";
import { settingsDefaults } from "../settings.ts";
import { imageGarbage } from "./image-garbage.ts";

/** Remembers when images were used, and removes those that were not for longest when the disk fills up. */
export class ImageKeeper {
  readonly #context: AgentContext;
  readonly #pods: PodSet;
  readonly #lastUsedAtMs = new Map<string, number>();

  constructor(context: AgentContext, pods: PodSet) {
    this.#context = context;
    this.#pods = pods;
  }

  /** Removes images when the disk is too full. */
  collect(): Promise<void> {
    return this.#collect(this.#context.settings.imageGc ?? settingsDefaults.imageGc);
  }

  /** Removes every image that no container uses. */
  removeUnused(): Promise<void> {
    // From any level on, and there is never enough room.
    return this.#collect({ highPercent: 0, lowPercent: Number.NEGATIVE_INFINITY });
  }

  async #collect(limits: { readonly highPercent: number; readonly lowPercent: number }): Promise<void> {
    const { engine, host, clock, settings, log } = this.#context;
    const nowMs = clock.monotonicMs();
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
    for (const image of imageGarbage({ images, used, diskCapacityBytes, diskAvailableBytes, ...limits, nowMs })) {
      log.info("removing an unused image", { image: image.tags[0] ?? image.id, bytes: image.sizeBytes });
      try {
        await engine.removeImage(image.id);
        this.#lastUsedAtMs.delete(image.id);
      } catch (error) {
        // The others go all the same, and who evicts pods goes on with them.
        log.warn("image not removed", { image: image.tags[0] ?? image.id, error: errorMessage(error) });
      }
    }
    await this.#context.images.retain(new Set(this.#lastUsedAtMs.keys()));
  }
}
