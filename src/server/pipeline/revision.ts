import { ApiError, badRequest, type RequestOptions } from "../../api/index.ts";
import { sleep } from "../../lib/index.ts";
import type { Revision } from "../../storage/index.ts";
import type { PipelineContext } from "./context.ts";

/** How long a read waits for a revision that the cache has not seen yet; as the watch cache upstream. */
const revisionWaitMs = 3_000;

/** The revision that a resourceVersion names. Throws 400 when it is no number. */
export function parseRevision(text: string): Revision {
  if (!/^\d{1,16}$/.test(text))
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  return Number(text);
}

/**
 * Resolves when the cache shows what a read may show: with a resourceVersion at least that, without one everything that
 * was committed before. Throws 504 when the revision does not come.
 */
export async function waitForRead(
  context: PipelineContext,
  { resourceVersion }: Pick<RequestOptions, "resourceVersion">,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { cache, storage } = context;
  if (resourceVersion === "0") return;
  const wanted = resourceVersion ? parseRevision(resourceVersion) : storage.revision;
  if (wanted <= cache.revision) return;
  if (!resourceVersion) return cache.waitFor(wanted, signal);
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const arrived = cache.waitFor(wanted, stop.signal).then(() => true);
  const late = sleep(context.clock, revisionWaitMs, stop.signal).then(() => false);
  try {
    if (!(await Promise.race([arrived, late]))) throw tooLargeRevision(wanted, cache.revision);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    stop.abort();
    // Whichever lost the race ends with the abort; the winner has answered.
    await Promise.allSettled([arrived, late]);
  }
}

function tooLargeRevision(wanted: Revision, current: Revision): ApiError {
  const message = `Timeout: Too large resource version: ${wanted}, current: ${current}`;
  const cause = { reason: "ResourceVersionTooLarge", message: "Too large resource version" };
  return new ApiError(504, "Timeout", message, { causes: [cause], retryAfterSeconds: 1 });
}
