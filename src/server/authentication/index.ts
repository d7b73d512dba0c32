export * from "./authenticator.ts";
export * from "./bearer-token.ts";
export * from "./issuer-discovery.ts";
export * from "./service-account-authenticator.ts";
export { legacyClaims, serviceAccountUserName } from "./token-claims.ts";
export * from "./token-issuer.ts";
export * from "./token-keys.ts";
export * from "./union.ts";
export * from "./x509.ts";
