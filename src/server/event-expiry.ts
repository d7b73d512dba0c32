import { Events, type KubeObject } from "../api/index.ts";
import { type Clock, errorMessage, type Logger, pause } from "../lib/index.ts";
import { ChangeConflict, type ResourceCache, resourcePrefix, type Storage, type WatchCache } from "../storage/index.ts";

/** As --event-ttl of Kubernetes' API server. */
const lifeMs = 3_600_000;
/** An event may stay this much longer, so that those that end close together go together. */
const lateMsMax = 30_000;
/** Events that are removed in one commit. */
const commitMax = 100;

export interface EventExpiryOptions {
  readonly cache: WatchCache;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Removes events an hour after they were last written, until the signal: as changes of the store, which need nobody's
 * leave. When they were written their own metadata tells, so a restart changes nothing. An event that is written while
 * this waits ends no sooner than an hour later: nothing needs to be watched.
 */
export async function expireEvents({ cache, storage, clock, log, signal }: EventExpiryOptions): Promise<void> {
  const events = cache.resource(resourcePrefix(Events));
  while (!signal.aborted) {
    let nextMs = clock.now() + lifeMs;
    try {
      nextMs = await removeOld(events, storage, clock, signal);
    } catch (error) {
      // The storage is full or closing: they are looked at again.
      if (!signal.aborted) log.warn("old events could not be removed", { error: errorMessage(error) });
    }
    await pause(clock, Math.max(nextMs - clock.now(), 0) + lateMsMax, signal);
  }
}

/** Removes those whose time is over; gives when the next one's is. */
async function removeOld(events: ResourceCache, storage: Storage, clock: Clock, signal: AbortSignal): Promise<number> {
  const nowMs = clock.now();
  let nextMs = nowMs + lifeMs;
  const old: { key: string; expect: number }[] = [];
  for (const { key, revision, object } of events.list()) {
    const endMs = lastWriteMs(object) + lifeMs;
    if (endMs <= nowMs) old.push({ key, expect: revision });
    else nextMs = Math.min(nextMs, endMs);
  }
  while (old.length > 0 && !signal.aborted) {
    try {
      await storage.commit(old.splice(0, commitMax));
    } catch (error) {
      // One of them was written or deleted meanwhile: the next look tells.
      if (!(error instanceof ChangeConflict)) throw error;
      nextMs = nowMs;
    }
  }
  return nextMs;
}

/** Every write leaves its time with the fields that it manages. */
function lastWriteMs({ metadata }: KubeObject): number {
  let lastMs = Date.parse(metadata.creationTimestamp ?? "");
  if (Number.isNaN(lastMs)) lastMs = 0;
  for (const { time } of metadata.managedFields ?? []) {
    const writtenMs = Date.parse(time ?? "");
    if (writtenMs > lastMs) lastMs = writtenMs;
  }
  return lastMs;
}
