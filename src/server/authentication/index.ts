export * from "./authenticator.ts";
export * from "./x509.ts";
