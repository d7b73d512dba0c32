// Claims that another server holds (OpenID Connect Core 1.0, 5.6.2). As upstream, only that of the groups is asked for.
import type { Clock, Logger } from "../../lib/index.ts";
import type { WebhookCaller } from "../webhooks/index.ts";
import type { TrustedIssuer } from "./authentication-configuration.ts";
import { IssuerKeys } from "./issuer-keys.ts";
import { type Claims, isCurrent, readClaims } from "./jwt-claims.ts";

export interface DistributedClaimsOptions {
  readonly issuer: TrustedIssuer;
  /** Those of the issuer itself. */
  readonly keys: IssuerKeys;
  readonly call: WebhookCaller;
  readonly clock: Clock;
  readonly log: Logger;
}

const timeoutMs = 30_000;
/** Issuers of claims, who are named by tokens of one trusted issuer. */
const issuersMax = 16;

export class DistributedClaims {
  readonly #options: DistributedClaimsOptions;
  readonly #keys = new Map<string, IssuerKeys>();

  constructor(options: DistributedClaimsOptions) {
    this.#options = options;
  }

  /** The verified claims of a token, with the groups where another server holds them. Throws Error when it does not give them. */
  async expand(claims: Claims): Promise<Claims> {
    const { groups } = this.#options.issuer;
    if (!groups || !("claim" in groups) || Object.hasOwn(claims, groups.claim)) return claims;
    const name = groups.claim;
    const source = fieldOf(claims._claim_names, name);
    if (source === undefined) return claims;
    const found = fieldOf(claims._claim_sources, String(source));
    if (found === undefined) throw new Error(`the token names no source of the claim ${name}`);
    const endpoint = fieldOf(found, "endpoint");
    // A claim that lies in the token itself, signed by another (an aggregated one), is not looked at.
    if (typeof endpoint !== "string" || endpoint === "") return claims;
    const answer = await this.#ask(endpoint, fieldOf(found, "access_token"));
    if (!Object.hasOwn(answer, name)) throw new Error(`${endpoint} does not hold the claim ${name}`);
    return { ...claims, [name]: answer[name] };
  }

  async #ask(endpoint: string, accessToken: unknown): Promise<Claims> {
    const { issuer, call, clock } = this.#options;
    if (!endpoint.startsWith("https://")) throw new Error(`${endpoint} is not asked for claims without TLS`);
    const answer = await call({
      url: endpoint,
      answers: "text",
      timeoutMs,
      ...(issuer.authority === undefined ? {} : { authority: issuer.authority }),
      ...(typeof accessToken === "string" && accessToken !== "" ? { authorization: `Bearer ${accessToken}` } : {}),
    });
    const token = String(answer).trim();
    const claims = readClaims(token);
    if (!claims || !isCurrent(claims, issuer, clock.now() / 1000) || !(await this.#keysOf(claims.iss).signed(token)))
      throw new Error(`what ${endpoint} answered is no token that is good here`);
    return claims;
  }

  #keysOf(url: unknown): IssuerKeys {
    const { issuer, keys, ...options } = this.#options;
    if (url === issuer.url) return keys;
    if (typeof url !== "string" || !url.startsWith("https://")) throw new Error("the claims have no issuer");
    let known = this.#keys.get(url);
    if (!known) {
      if (this.#keys.size >= issuersMax) throw new Error(`more than ${issuersMax} issuers of claims are not asked`);
      known = new IssuerKeys({ ...options, url, discoveryUrl: undefined, authority: issuer.authority });
      this.#keys.set(url, known);
    }
    return known;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name]; // it has the field
}
