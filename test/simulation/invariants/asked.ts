// Whose doing a write is: the request in which it happens.
import { AsyncLocalStorage } from "node:async_hooks";
import type { ResourceHandler } from "roder";

export interface Asked {
  readonly by: string;
  readonly subresource: string | undefined;
}

const requests = new AsyncLocalStorage<Asked>();

/** The request that is being answered; undefined for what the API does by itself. */
export const asked = (): Asked | undefined => requests.getStore();

/** For a cluster's `through`. */
export function noteRequests(api: ResourceHandler): ResourceHandler {
  return {
    handle: (request, user) =>
      requests.run({ by: user.name, subresource: request.subresource }, () => api.handle(request, user)),
  };
}

export const controller = (name: string) => `system:serviceaccount:kube-system:${name}`;
