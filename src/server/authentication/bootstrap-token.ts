import { bootstrapTokenNamespace, bootstrapTokenPrefix, readBootstrapToken, Secrets } from "../../api/index.ts";
import type { Clock } from "../../lib/index.ts";
import type { Lookup } from "../lookup.ts";
import { ownAudiences, type TokenAuthenticator } from "./token-authenticator.ts";

const form = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;

export interface BootstrapTokenOptions {
  readonly lookup: Lookup;
  readonly clock: Clock;
  /** What the API server itself is called in tokens. */
  readonly audiences: readonly string[];
}

/** Bootstrap tokens: `id.secret`, kept in secrets of kube-system. */
export function createBootstrapTokenAuthenticator(options: BootstrapTokenOptions): TokenAuthenticator {
  return {
    authenticateToken(token, asked) {
      const [, id, wanted = ""] = form.exec(token) ?? [];
      if (id === undefined) return undefined;
      const secret = options.lookup.get(Secrets, bootstrapTokenNamespace, bootstrapTokenPrefix + id);
      if (!secret || secret.metadata.deletionTimestamp !== undefined) return undefined;
      const kept = readBootstrapToken(secret);
      if (!kept?.authenticates || !kept.groups || !isSame(kept.secret, wanted)) return undefined;
      if (kept.endMs !== undefined && kept.endMs <= options.clock.now()) return undefined;
      const audiences = ownAudiences(options.audiences, asked);
      return audiences && { user: { name: `system:bootstrap:${id}`, groups: kept.groups }, audiences };
    },
  };
}

/** Takes as long for a wrong text as for the right one: nobody finds a secret by measuring. */
function isSame(kept: string, given: string): boolean {
  if (kept.length !== given.length) return false;
  let difference = 0;
  for (let at = 0; at < kept.length; at++) difference |= kept.charCodeAt(at) ^ given.charCodeAt(at);
  return difference === 0;
}
