// Tokens of OpenID Connect issuers: k8s.io/apiserver/plugin/pkg/authenticator/token/oidc.
import type { User } from "../../api/index.ts";
import { type Program, toJson } from "../../cel/index.ts";
import { type Clock, errorMessage, type Logger } from "../../lib/index.ts";
import type { WebhookCaller } from "../webhooks/index.ts";
import type { ClaimMapping, TrustedIssuer } from "./authentication-configuration.ts";
import { DistributedClaims } from "./distributed-claims.ts";
import { IssuerKeys } from "./issuer-keys.ts";
import { type Claims, isCurrent, readClaims } from "./jwt-claims.ts";
import { ownAudiences, type TokenAuthenticator } from "./token-authenticator.ts";

export interface JwtAuthenticatorOptions {
  readonly issuers: readonly TrustedIssuer[];
  readonly call: WebhookCaller;
  readonly clock: Clock;
  readonly log: Logger;
  /** What the API server itself is called in tokens. */
  readonly audiences: readonly string[];
}

/** Tokens of any of the issuers. */
export function createJwtAuthenticator(options: JwtAuthenticatorOptions): TokenAuthenticator {
  const { clock, log, issuers } = options;
  const known = new Map(
    issuers.map((issuer) => {
      const keys = new IssuerKeys({ ...options, ...issuer });
      return [issuer.url, { issuer, keys, distributed: new DistributedClaims({ ...options, issuer, keys }) }];
    }),
  );
  return {
    async authenticateToken(token, asked) {
      const claims = readClaims(token);
      const found = typeof claims?.iss === "string" ? known.get(claims.iss) : undefined;
      const audiences = ownAudiences(options.audiences, asked);
      if (!claims || !found || !audiences) return undefined;
      const { issuer, keys, distributed } = found;
      if (!isCurrent(claims, issuer, clock.now() / 1000) || !(await keys.signed(token))) return undefined;
      let whole: Claims;
      try {
        whole = await distributed.expand(claims);
      } catch (error) {
        // Without its groups nobody knows who the user is.
        log.warn("the distributed claims of a token are not known", { issuer: issuer.url, error: errorMessage(error) });
        return undefined;
      }
      const user = userOf(whole, issuer);
      if (user instanceof Refusal) {
        log.debug("a token was refused", { issuer: issuer.url, why: user.why });
        return undefined;
      }
      return { user, audiences };
    },
  };
}

/** Why nobody is made of the claims; for the log alone, and without what the claims say. */
class Refusal {
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}

function userOf(claims: Claims, issuer: TrustedIssuer): User | Refusal {
  const name = oneText(claims, issuer.username, "username");
  const groups = issuer.groups ? manyTexts(claims, issuer.groups, "groups") : [];
  const uid = issuer.uid ? oneText(claims, issuer.uid, "uid") : "";
  if (name instanceof Refusal) return name;
  if (groups instanceof Refusal) return groups;
  if (uid instanceof Refusal) return uid;
  const isEmail = "claim" in issuer.username && issuer.username.claim === "email";
  const isUnverified = isEmail && (claimOf(claims, "email_verified") ?? true) !== true;
  if (name === "" || isUnverified) return new Refusal(name === "" ? "it names no user" : "email not verified");
  const extra: Record<string, readonly string[]> = {};
  for (const { key, program } of issuer.extra) {
    const values = textsOf(evaluated(program, { claims }));
    if (!values) return new Refusal(`the expression of extra ${key} must return a string or a list of strings`);
    if (values.length > 0) extra[key] = values;
  }
  for (const { claim, value } of issuer.requiredClaims)
    if (claims[claim] !== value) return new Refusal(`required claim ${claim} not present or of another value`);
  for (const rule of issuer.claimRules)
    if (evaluated(rule, { claims }) !== true) return new Refusal(`validation expression '${rule.text}' failed`);
  const user = { username: name, uid, groups, extra };
  for (const rule of issuer.userRules)
    if (evaluated(rule, { user }) !== true) return new Refusal(`validation expression '${rule.text}' failed`);
  return {
    name,
    ...(uid === "" ? {} : { uid }),
    groups,
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

function oneText(claims: Claims, mapping: ClaimMapping, what: string): string | Refusal {
  const value = "program" in mapping ? evaluated(mapping.program, { claims }) : claimOf(claims, mapping.claim);
  if (typeof value !== "string") return new Refusal(`its ${what} is no string`);
  return "claim" in mapping && value !== "" ? mapping.prefix + value : value;
}

/** A claim may be one text instead of a list of them, and may be left out. */
function manyTexts(claims: Claims, mapping: ClaimMapping, what: string): readonly string[] | Refusal {
  const value =
    "program" in mapping ? evaluated(mapping.program, { claims }) : (claimOf(claims, mapping.claim) ?? null);
  const texts = textsOf(value);
  if (!texts) return new Refusal(`its ${what} are no strings`);
  return "claim" in mapping ? texts.map((each) => mapping.prefix + each) : texts;
}

const claimOf = (claims: Claims, name: string) => (Object.hasOwn(claims, name) ? claims[name] : undefined);

/** Empty texts count as none. Undefined when it is something else. */
function textsOf(value: unknown): readonly string[] | undefined {
  if (value === null) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.every((each) => typeof each === "string") ? list.filter((each) => each !== "") : undefined;
}

/** Undefined when the expression fails. */
function evaluated(program: Program, bindings: Readonly<Record<string, unknown>>): unknown {
  const result = program.evaluate(bindings);
  return "error" in result ? undefined : toJson(result.value);
}
