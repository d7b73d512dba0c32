import type { User } from "../../api/index.ts";
import { firstAnswer, whenThere } from "../../lib/index.ts";
import type { Authenticator } from "./authenticator.ts";

export const allAuthenticated = "system:authenticated";
export const allUnauthenticated = "system:unauthenticated";

/** Who sends a request without credentials, where anonymous requests are allowed. */
export const anonymousUser: User = { name: "system:anonymous", groups: [allUnauthenticated] };

// Authenticators give the same object for the same credentials again, so its copy in the group is kept with it.
const members = new WeakMap<User, User>();

/** The user in system:authenticated, unless it is said to be in that or the opposite group already. */
export function asAuthenticated(user: User): User {
  if (user.groups.includes(allAuthenticated) || user.groups.includes(allUnauthenticated)) return user;
  let member = members.get(user);
  if (!member) {
    member = { ...user, groups: [...user.groups, allAuthenticated] };
    members.set(user, member);
  }
  return member;
}

/**
 * Asks one after the other; whoever knows the credentials decides, and everybody found is in system:authenticated. When
 * nobody knows them but somebody refused them, the refusal is thrown.
 */
export function unionAuthenticator(...authenticators: readonly Authenticator[]): Authenticator {
  return {
    authenticate(credentials) {
      let refusal: unknown;
      // Another one may still know who this is: an expired certificate beside a good token.
      const refused = (error: unknown) => {
        refusal ??= error;
        return undefined;
      };
      const ask = (authenticator: Authenticator) => {
        try {
          const answer = authenticator.authenticate(credentials);
          return answer instanceof Promise ? answer.catch(refused) : answer;
        } catch (error) {
          return refused(error);
        }
      };
      return whenThere(firstAnswer(authenticators, ask), (user) => {
        if (user) return asAuthenticated(user);
        if (refusal !== undefined) throw refusal;
        return undefined;
      });
    },
  };
}
