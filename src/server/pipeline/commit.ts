import { type KubeObject, qualifiedResource } from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import type { Change, ChangeConflict } from "../../storage/index.ts";
import type { ObjectRequest, PipelineContext } from "./context.ts";

/** The changes that belong into one commit with that of the object; fills in what is allocated. */
export function commitAlong(
  request: ObjectRequest,
  draft: Draft<KubeObject> | undefined,
  old: KubeObject | undefined,
): readonly Change[] {
  const { commitHooks } = request.context;
  if (commitHooks.size === 0) return [];
  return commitHooks.get(qualifiedResource(request.definition))?.changes(draft, old, request.dryRun) ?? [];
}

/** Waits until the cache shows what a lost race was lost to. */
export function seeConflict({ storage, cache }: PipelineContext, conflict: ChangeConflict): Promise<void> {
  return cache.waitFor(Math.max(conflict.actual, storage.revision));
}
