import type { Clock } from "../../lib/index.ts";
import type { AuthenticatedToken, TokenAuthenticator } from "./token-authenticator.ts";

interface Kept {
  readonly found: AuthenticatedToken | undefined;
  readonly untilMs: number;
}

export interface CachedTokensOptions {
  readonly clock: Clock;
  readonly knownMs: number;
  /** How long it is kept that a token is nobody's; not at all when left out. */
  readonly unknownMs?: number;
}

const keptMax = 4096;

/** Asks for a token once in a while and gives the same answer in between: for authenticators that ask others. */
export function cachedTokens(tokens: TokenAuthenticator, options: CachedTokensOptions): TokenAuthenticator {
  const { clock, knownMs, unknownMs = 0 } = options;
  const kept = new Map<string, Kept>();
  const asking = new Map<string, Promise<AuthenticatedToken | undefined>>();
  return {
    authenticateToken(token, audiences) {
      const key = JSON.stringify([token, audiences]);
      const nowMs = clock.monotonicMs();
      const answer = kept.get(key);
      if (answer && nowMs < answer.untilMs) return answer.found;
      const underWay = asking.get(key);
      if (underWay) return underWay;
      const question = Promise.resolve(tokens.authenticateToken(token, audiences))
        .then((found) => {
          kept.delete(key);
          const keptMs = found ? knownMs : unknownMs;
          if (keptMs === 0) return found;
          if (kept.size >= keptMax) kept.delete(kept.keys().next().value as string);
          kept.set(key, { found, untilMs: clock.monotonicMs() + keptMs });
          return found;
        })
        .finally(() => asking.delete(key));
      asking.set(key, question);
      return question;
    },
  };
}
