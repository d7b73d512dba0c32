// Tokens of OpenID Connect issuers: k8s.io/apiserver/plugin/pkg/authenticator/token/oidc.
import type { User } from "../../api/index.ts";
import { type Program, toJson } from "../../cel/index.ts";
import type { Clock, Logger } from "../../lib/index.ts";
import type { WebhookCaller } from "../webhooks/index.ts";
import type { ClaimMapping, TrustedIssuer } from "./authentication-configuration.ts";
import { IssuerKeys } from "./issuer-keys.ts";
import { ownAudiences, type TokenAuthenticator } from "./token-authenticator.ts";

export interface JwtAuthenticatorOptions {
  readonly issuers: readonly TrustedIssuer[];
  readonly call: WebhookCaller;
  readonly clock: Clock;
  readonly log: Logger;
  /** What the API server itself is called in tokens. */
  readonly audiences: readonly string[];
}

type Claims = Readonly<Record<string, unknown>>;

const notBeforeLeewaySeconds = 300;

/** Tokens of any of the issuers. */
export function createJwtAuthenticator(options: JwtAuthenticatorOptions): TokenAuthenticator {
  const { clock, log, issuers } = options;
  const known = new Map(
    issuers.map((issuer) => [issuer.url, { issuer, keys: new IssuerKeys({ ...options, ...issuer }) }]),
  );
  return {
    async authenticateToken(token, asked) {
      const claims = readClaims(token);
      const found = claims && known.get(String(claims.iss));
      const audiences = ownAudiences(options.audiences, asked);
      if (!found || !audiences) return undefined;
      const { issuer, keys } = found;
      if (!isCurrent(claims, issuer, clock.now() / 1000) || !(await keys.signed(token))) return undefined;
      const user = userOf(claims, issuer);
      if (user instanceof Refusal) {
        log.debug("a token was refused", { issuer: issuer.url, why: user.why });
        return undefined;
      }
      return { user, audiences };
    },
  };
}

/** The claims as the token has them; nobody has verified it. */
function readClaims(token: string): Claims | undefined {
  const [, payload, signature, rest] = token.split(".");
  if (payload === undefined || signature === undefined || rest !== undefined) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.fromBase64(payload, { alphabet: "base64url" }),
    );
    const claims: unknown = JSON.parse(text);
    return typeof claims === "object" && claims !== null ? (claims as Claims) : undefined;
  } catch (error) {
    // Neither base64, UTF-8 nor JSON: it is no JSON Web Token.
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function isCurrent({ aud, exp, nbf }: Claims, { audiences }: TrustedIssuer, nowSeconds: number): boolean {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.some((audience) => named.includes(audience))) return false;
  if (typeof exp !== "number" || nowSeconds > exp) return false;
  return typeof nbf !== "number" || nowSeconds + notBeforeLeewaySeconds >= nbf;
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
