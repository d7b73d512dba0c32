import { type User, unauthorized } from "../../api/index.ts";
import { type Awaitable, firstAnswer, whenThere } from "../../lib/index.ts";
import type { Authenticator } from "./authenticator.ts";
import { bearerToken } from "./bearer-token.ts";

export interface AuthenticatedToken {
  readonly user: User;
  /** Those of the audiences asked about that the token is for. */
  readonly audiences: readonly string[];
}

/** Finds whose a token is. */
export interface TokenAuthenticator {
  /**
   * The user and for which of `audiences` (the API server's own when left out) the token is; undefined when it is not
   * valid or not of this authenticator's kind. The reason stays here: a client is never told why.
   */
  authenticateToken(token: string, audiences?: readonly string[]): Awaitable<AuthenticatedToken | undefined>;
  /** Why a token of this authenticator's kind is not valid, for those who may review the tokens of others. */
  refusal?(token: string, audiences?: readonly string[]): Awaitable<string | undefined>;
}

/** Asks one after the other for the token of the request; the first that knows it decides. */
export function unionTokenAuthenticator(...authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return {
    authenticateToken: (token, audiences) =>
      firstAnswer(authenticators, (each) => each.authenticateToken(token, audiences)),
    refusal: (token, audiences) => firstAnswer(authenticators, (each) => each.refusal?.(token, audiences)),
  };
}

/** Users by the bearer token of their request. */
export function bearerTokenAuthenticator(tokens: TokenAuthenticator): Authenticator {
  return {
    authenticate(credentials) {
      const token = bearerToken(credentials);
      if (token === undefined) return undefined;
      return whenThere(tokens.authenticateToken(token), (found) => {
        if (!found) throw unauthorized();
        return found.user;
      });
    },
  };
}

/** For tokens that name no audience, which are the API server's own: what to answer when `asked` are asked about. */
export function ownAudiences(own: readonly string[], asked: readonly string[] = own): readonly string[] | undefined {
  const audiences = asked.filter((each) => own.includes(each));
  return audiences.length === 0 ? undefined : audiences;
}
