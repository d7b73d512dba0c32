// The keys of an OpenID Connect issuer, found by its discovery document (OpenID Connect Discovery 1.0, RFC 7517).
import { JOSEError, JWKSMultipleMatchingKeys } from "jose/errors";
import { createLocalJWKSet } from "jose/jwks/local";
import { compactVerify } from "jose/jws/compact/verify";
import { type Clock, errorMessage, type Logger } from "../../lib/index.ts";
import type { WebhookCaller } from "../webhooks/index.ts";

export interface IssuerKeysOptions {
  readonly url: string;
  readonly discoveryUrl: string | undefined;
  /** PEM; the machine's authorities when left out. */
  readonly authority: string | undefined;
  readonly call: WebhookCaller;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Symmetric ones are not among them: whoever verifies could sign. */
const algorithms = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"];
const timeoutMs = 30_000;
/** Keys are not fetched more often, whatever tokens come. */
const fetchIntervalMs = 10_000;
/** Every token is compared with all of them. */
const keysMax = 1000;
/** How many keys are tried for a token that does not say by which it was signed; a signature costs up to half a millisecond. */
const triedMax = 16;
const wellKnown = "/.well-known/openid-configuration";

/** Fetches the keys when the first token comes, and again when one comes that none of them signed. */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;
  #fetching: Promise<void> | undefined;
  #nextFetchMs = 0;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
  }

  /** Whether one of the issuer's keys signed the token. */
  async signed(token: string): Promise<boolean> {
    if (await this.#verify(token)) return true;
    if (!(await this.#fetch())) return false;
    return this.#verify(token);
  }

  async #verify(token: string): Promise<boolean> {
    if (!this.#keys) return false;
    try {
      await compactVerify(token, this.#keys, { algorithms });
      return true;
    } catch (error) {
      if (error instanceof JWKSMultipleMatchingKeys) return signedByOne(token, error);
      if (isNotSigned(error)) return false;
      throw error;
    }
  }

  /** Whether the keys were fetched now. */
  async #fetch(): Promise<boolean> {
    const { clock, log, url } = this.#options;
    if (!this.#fetching) {
      if (clock.monotonicMs() < this.#nextFetchMs) return false;
      this.#nextFetchMs = clock.monotonicMs() + fetchIntervalMs;
      this.#fetching = this.#load().finally(() => {
        this.#fetching = undefined;
      });
    }
    try {
      await this.#fetching;
      return true;
    } catch (error) {
      // Until the issuer answers, none of its tokens is known that the keys so far do not verify.
      log.warn("the keys of an issuer of tokens could not be fetched", { issuer: url, error: errorMessage(error) });
      return false;
    }
  }

  async #load(): Promise<void> {
    const { url, discoveryUrl } = this.#options;
    const discovery = await this.#get(discoveryUrl ?? `${url.replace(/\/$/, "")}${wellKnown}`);
    if (discovery.issuer !== url)
      throw new Error(`the discovery document is of another issuer: ${JSON.stringify(discovery.issuer)}`);
    if (typeof discovery.jwks_uri !== "string") throw new Error("the discovery document names no jwks_uri");
    const { keys } = await this.#get(discovery.jwks_uri);
    if (!Array.isArray(keys)) throw new Error(`${discovery.jwks_uri} holds no keys`);
    if (keys.length > keysMax) throw new Error(`${discovery.jwks_uri} holds more than ${keysMax} keys`);
    this.#keys = createLocalJWKSet({ keys: keys.filter((each) => typeof each === "object" && each !== null) });
  }

  async #get(url: string): Promise<Readonly<Record<string, unknown>>> {
    const { authority, call } = this.#options;
    const answer = await call({ url, timeoutMs, ...(authority === undefined ? {} : { authority }) });
    if (typeof answer !== "object" || answer === null) throw new Error(`${url} holds no object`);
    return answer as Record<string, unknown>;
  }
}

/** A token may not name its key, and several may have one name: each that could be it is tried. */
async function signedByOne(token: string, keys: AsyncIterable<CryptoKey>): Promise<boolean> {
  let tried = 0;
  try {
    for await (const key of keys) {
      if (await isSignedBy(token, key)) return true;
      if (++tried === triedMax) return false;
    }
  } catch (error) {
    if (!isNotSigned(error)) throw error;
  }
  return false;
}

async function isSignedBy(token: string, key: CryptoKey): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms });
    return true;
  } catch (error) {
    if (isNotSigned(error)) return false;
    throw error;
  }
}

/**
 * Forged, or signed with a key that is not known yet: whoever asks fetches the keys, and treats both alike after it. Keys
 * that are none, or too short, are another's mistake: WebCrypto tells of them by these errors.
 */
function isNotSigned(error: unknown): boolean {
  return error instanceof JOSEError || error instanceof TypeError || error instanceof DOMException;
}
