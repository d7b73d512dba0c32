export type { KeyPair } from "./certificate.ts";
export * from "./pki.ts";
