import type { User } from "../../api/index.ts";
import type { Awaitable } from "../../lib/index.ts";

/** What somebody wants to do, in the words of RBAC. */
export interface Attributes {
  readonly user: User;
  /** get, list, watch, create, update, patch, delete, deletecollection, or a special verb (bind, escalate, impersonate, …). */
  readonly verb: string;
  /** Set for requests to resources; the other resource fields belong to it. */
  readonly resource?: {
    readonly group: string;
    readonly version: string;
    readonly plural: string;
    readonly subresource: string;
    readonly namespace: string;
    /** Also of list and watch, when the field selector asks for one name. */
    readonly name: string;
    /** Of list, watch and deletecollection, as it was asked: a node may list pods when it asks for its own. */
    readonly fieldSelector?: string;
    readonly labelSelector?: string;
  };
  /** Set for every other path: /version, /healthz, … */
  readonly path?: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** True when no later authorizer may allow it. */
  readonly denied?: boolean;
  /** Why, for the audit and for the message of the 403. */
  readonly reason: string;
  /** What went wrong while deciding; another authorizer may have decided all the same. */
  readonly error?: string;
}

export interface Authorizer {
  authorize(attributes: Attributes): Awaitable<Decision>;
}
