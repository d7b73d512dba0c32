import { JOSEError, JWKSNoMatchingKey } from "jose/errors";
import { CompactSign } from "jose/jws/compact/sign";
import { compactVerify } from "jose/jws/compact/verify";

/** The algorithm of service-account tokens: ECDSA over P-256 with SHA-256 (RFC 7518 section 3.4). */
const algorithm = "ES256";
const curve = { name: "ECDSA", namedCurve: "P-256" };

/** A public key as the JWKS document shows it (RFC 7517). */
export interface PublicJwk {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  readonly y: string;
  readonly kid: string;
  readonly alg: string;
  readonly use: "sig";
}

/** Signs tokens with one key, and verifies those of this and of former keys. */
export interface TokenKeys {
  sign(claims: object): Promise<string>;
  /** The claims; undefined when none of the keys signed it or it is no token at all. */
  verify(token: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  readonly publicKeys: readonly PublicJwk[];
}

interface VerificationKey {
  readonly key: CryptoKey;
  readonly jwk: PublicJwk;
}

/** The keys from PEM: the private one that signs (PKCS #8), and public ones (SPKI) of keys that signed before it. */
export async function createTokenKeys(signingKey: string, formerKeys: readonly string[] = []): Promise<TokenKeys> {
  const privateKey = await crypto.subtle.importKey("pkcs8", pemBytes(signingKey), curve, true, ["sign"]);
  const { d: _secret, ...jwk } = await crypto.subtle.exportKey("jwk", privateKey);
  const ownPublic = await crypto.subtle.importKey("jwk", { ...jwk, key_ops: ["verify"] }, curve, true, ["verify"]);
  const formerPublic = formerKeys.map((pem) => crypto.subtle.importKey("spki", pemBytes(pem), curve, true, ["verify"]));
  const keys = await Promise.all([ownPublic, ...formerPublic].map(async (key) => verificationKey(await key)));
  const own = keys[0] as VerificationKey;
  const byId = new Map(keys.map((each) => [each.jwk.kid, each.key]));
  const header = { alg: algorithm, kid: own.jwk.kid };
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  return {
    sign: (claims) =>
      new CompactSign(encoder.encode(JSON.stringify(claims))).setProtectedHeader(header).sign(privateKey),
    async verify(token) {
      try {
        const { payload } = await compactVerify(
          token,
          ({ kid }) => {
            const key = byId.get(kid ?? own.jwk.kid);
            if (!key) throw new JWKSNoMatchingKey();
            return key;
          },
          { algorithms: [algorithm] },
        );
        const claims: unknown = JSON.parse(decoder.decode(payload));
        return typeof claims === "object" && claims !== null ? (claims as Record<string, unknown>) : undefined;
      } catch (error) {
        // Not a token, of another issuer, or forged: whoever asks treats them alike and tells the client nothing.
        if (error instanceof JOSEError || error instanceof SyntaxError) return undefined;
        throw error;
      }
    },
    publicKeys: keys.map(({ jwk }) => jwk),
  };
}

async function verificationKey(key: CryptoKey): Promise<VerificationKey> {
  const { x = "", y = "" } = await crypto.subtle.exportKey("jwk", key);
  const spki = await crypto.subtle.exportKey("spki", key);
  // Kubernetes names keys so: pkg/serviceaccount/jwt.go, keyIDFromPublicKey.
  const kid = base64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", spki)));
  return { key, jwk: { use: "sig", kty: "EC", kid, crv: "P-256", alg: algorithm, x, y } };
}

function pemBytes(pem: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(pem.replace(/-----[^-]+-----|\s/g, "")), (character) => character.charCodeAt(0));
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}
