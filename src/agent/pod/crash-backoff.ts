/** How long the next restart of a container waits after its end. */
export interface CrashBackoff {
  readonly delayMs: number;
  readonly updatedAtMs: number;
}

/** The kubelet's MaxContainerBackOff: 10 s doubling to 5 minutes. */
const firstMs = 10_000;
const maxMs = 300_000;

/** A container that lived for twice the longest delay starts over (client-go's flowcontrol.Backoff). */
function isExpired(backoff: CrashBackoff, atMs: number): boolean {
  return atMs - backoff.updatedAtMs > 2 * maxMs;
}

/** How long a container that ended at `finishedAtMs` still has to wait at `nowMs`; 0 when it may start. */
export function crashDelayMs(backoff: CrashBackoff | undefined, finishedAtMs: number, nowMs: number): number {
  if (!backoff || isExpired(backoff, finishedAtMs)) return 0;
  return leftMs(finishedAtMs + backoff.delayMs, backoff.delayMs, nowMs);
}

/** How much of a delay is left that ends at `endsAtMs`; none of one that was begun before the clock was set back. */
export function leftMs(endsAtMs: number, delayMs: number, nowMs: number): number {
  const left = endsAtMs - nowMs;
  return left > 2 * delayMs ? 0 : Math.max(0, left);
}

/** The backoff after one more restart of a container that ended at `finishedAtMs`. */
export function nextCrashBackoff(backoff: CrashBackoff | undefined, finishedAtMs: number, nowMs: number): CrashBackoff {
  if (!backoff || isExpired(backoff, finishedAtMs)) return { delayMs: firstMs, updatedAtMs: nowMs };
  return { delayMs: Math.min(maxMs, backoff.delayMs * 2), updatedAtMs: nowMs };
}

/** A duration as Go prints it, in which the kubelet's messages give delays: `10s`, `1m20s`, `1.5s`, `250ms`. */
export function goDuration(durationMs: number): string {
  if (durationMs === 0) return "0s";
  if (durationMs < 1_000) return `${Number(durationMs.toFixed(3))}ms`;
  const hours = Math.floor(durationMs / 3_600_000);
  const minutes = Math.floor((durationMs % 3_600_000) / 60_000);
  const seconds = Number(((durationMs % 60_000) / 1_000).toFixed(3));
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}s`;
}
