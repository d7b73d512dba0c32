// Which images go when the disk fills up: pure; the oldest use first, until enough is free.
import type { Image } from "../engine/index.ts";

export interface ImageUse {
  readonly image: Image;
  /** When a container last used it, or when it was first seen. */
  readonly lastUsedAtMs: number;
}

export interface GarbageInput {
  readonly images: readonly ImageUse[];
  /** The ids and names of images that containers use. */
  readonly used: ReadonlySet<string>;
  readonly diskCapacityBytes: number;
  readonly diskAvailableBytes: number;
  readonly highPercent: number;
  readonly lowPercent: number;
  readonly nowMs: number;
}

/** An image that just came is for a container that is about to come (the kubelet's imageMinimumGCAge). */
const ageMsMin = 120_000;

/** The images to remove; none while the disk is less full than `highPercent`. */
export function imageGarbage(input: GarbageInput): Image[] {
  const { diskCapacityBytes, diskAvailableBytes, highPercent, lowPercent, nowMs } = input;
  const usedBytes = diskCapacityBytes - diskAvailableBytes;
  if (usedBytes * 100 < diskCapacityBytes * highPercent) return [];
  let toFreeBytes = usedBytes - (diskCapacityBytes * lowPercent) / 100;
  const garbage: Image[] = [];
  for (const { image, lastUsedAtMs } of [...input.images].sort((a, b) => a.lastUsedAtMs - b.lastUsedAtMs)) {
    if (toFreeBytes <= 0) break;
    const isUsed = [image.id, ...image.tags, ...image.digests].some((name) => input.used.has(name));
    if (isUsed || nowMs - lastUsedAtMs < ageMsMin) continue;
    garbage.push(image);
    toFreeBytes -= image.sizeBytes;
  }
  return garbage;
}
