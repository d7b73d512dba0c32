// The documents by which others verify service-account tokens (OpenID Connect Discovery 1.0, RFC 7517).
import type { PublicJwk, TokenKeys } from "./token-keys.ts";

/** /openid/v1/jwks, media type application/jwk-set+json. */
export function jwksDocument(keys: TokenKeys): { readonly keys: readonly PublicJwk[] } {
  return { keys: keys.publicKeys };
}

/** /.well-known/openid-configuration; `jwksUri` is where the other document is, as clients reach it. */
export function openIdConfiguration(issuer: string, jwksUri: string, keys: TokenKeys) {
  return {
    issuer,
    jwks_uri: jwksUri,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: [...new Set(keys.publicKeys.map(({ alg }) => alg))],
  };
}
