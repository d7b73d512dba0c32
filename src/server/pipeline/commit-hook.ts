import type { KubeObject } from "../../api/index.ts";
import type { Change } from "../../storage/index.ts";

/** An object on its way to the store, with what must be written in the same commit. */
export interface Commitment {
  /** Undefined when the object is deleted. */
  readonly object: KubeObject | undefined;
  readonly changes: readonly Change[];
}

/**
 * What belongs together with the objects of a kind, such as the addresses of a Service. When a change of the hook loses a
 * race, it is asked again, so that it chooses anew.
 */
export interface CommitHook {
  /** `next` with what is allocated for it filled in, and the changes to commit along. Throws ApiError. */
  commitment(next: KubeObject | undefined, old: KubeObject | undefined): Commitment;
}
