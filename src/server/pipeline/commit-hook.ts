import type { KubeObject } from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import type { Change } from "../../storage/index.ts";

/**
 * What must be written in one commit with the objects of a kind, such as the addresses of a Service. A commit that fails
 * because a change of the hook lost a race is tried again from the start, so the hook chooses anew.
 */
export interface CommitHook {
  /** Fills in what is allocated for `draft` (undefined: the object is deleted) and gives the changes to commit along. Throws ApiError. */
  changes(draft: Draft<KubeObject> | undefined, old: KubeObject | undefined, dryRun: boolean): readonly Change[];
}
