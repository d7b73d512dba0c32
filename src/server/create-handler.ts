import type { KubeObject, User } from "../api/index.ts";
import type { Draft } from "../lib/index.ts";

/** A create that stores nothing of its own kind: a review that is answered, or a subresource that acts on its object. */
export interface CreateRequest {
  readonly user: User;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  /** The object whose subresource this is; empty for reviews. */
  readonly name: string;
  /** The body, decoded as the kind that the resource or subresource takes. */
  readonly object: Draft<KubeObject>;
  readonly dryRun: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Gives the answer's object. Throws ApiError. */
export type CreateHandler = (request: CreateRequest) => Promise<object> | object;

/** By `<plural>.<group>` or `<plural>.<group>/<subresource>`, the group left out where it is empty: `serviceaccounts/token`. */
export type CreateHandlers = ReadonlyMap<string, CreateHandler>;
