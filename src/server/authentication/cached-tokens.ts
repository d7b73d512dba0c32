import { tooManyRequests } from "../../api/index.ts";
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
/** No token is longer; anybody may send what is. */
const keptLengthMax = 16_384;
/** Anybody may send tokens that others have to be asked for, and a slow answer takes its time. */
const askingMax = 1024;

/**
 * Asks for a token once in a while and gives the same answer in between: for authenticators that ask others. Throws
 * ApiError 429 when too many answers are waited for.
 */
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
      if (asking.size >= askingMax)
        throw tooManyRequests("too many tokens are being reviewed, please try again later", 1);
      const question = Promise.resolve(tokens.authenticateToken(token, audiences))
        .then((found) => {
          kept.delete(key);
          const keptMs = found ? knownMs : unknownMs;
          if (keptMs === 0 || token.length > keptLengthMax) return found;
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
