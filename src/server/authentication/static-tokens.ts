// Tokens that stand in a file: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file
import type { User } from "../../api/index.ts";
import { ownAudiences, type TokenAuthenticator } from "./token-authenticator.ts";

/** Users by their tokens, from lines of `token,user,uid,"group1,group2"`. Throws an Error that names the line. */
export function readStaticTokens(text: string): ReadonlyMap<string, User> {
  const users = new Map<string, User>();
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const [token = "", name, uid, groups = ""] = readFields(line, at + 1);
    if (name === undefined || uid === undefined)
      throw new Error(`line ${at + 1} must have at least 3 columns (token, user name, user uid)`);
    if (token === "") throw new Error(`line ${at + 1} has no token`);
    if (users.has(token)) throw new Error(`line ${at + 1} has the token of a line before it`);
    users.set(token, { name, ...(uid === "" ? {} : { uid }), groups: groups === "" ? [] : groups.split(",") });
  }
  return users;
}

/** The fields of a line of CSV (RFC 4180), with spaces before them left out. */
function readFields(line: string, number: number): string[] {
  const fields: string[] = [];
  const field = /\s*(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const [, quoted, bare = "", end] = field.exec(line) ?? [];
    if (end === undefined) throw new Error(`line ${number} has a quotation mark where none may be`);
    fields.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    if (end === "") return fields;
  }
}

/** Tokens of such a file; `own` is what the API server itself is called in tokens. */
export function createStaticTokenAuthenticator(
  users: ReadonlyMap<string, User>,
  own: readonly string[],
): TokenAuthenticator {
  return {
    authenticateToken(token, asked) {
      const user = users.get(token);
      const audiences = ownAudiences(own, asked);
      return user && audiences && { user, audiences };
    },
  };
}
