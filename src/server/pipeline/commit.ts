import { type KubeObject, qualifiedResource } from "../../api/index.ts";
import type { ChangeConflict } from "../../storage/index.ts";
import type { Commitment } from "./commit-hook.ts";
import type { ObjectRequest, PipelineContext } from "./context.ts";

/** The object with what its kind's hook fills in and writes along; `next` is undefined when it is deleted. */
export function commitmentOf(
  { context, definition }: ObjectRequest,
  next: KubeObject | undefined,
  old: KubeObject | undefined,
): Commitment {
  const hook = context.commitHooks.get(qualifiedResource(definition));
  return hook ? hook.commitment(next, old) : { object: next, changes: [] };
}

/** Waits until the cache shows what a lost race was lost to. */
export function seeConflict({ storage, cache }: PipelineContext, conflict: ChangeConflict): Promise<void> {
  return cache.waitFor(Math.max(conflict.actual, storage.revision));
}
