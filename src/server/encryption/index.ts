// Encryption at rest: how values are written to the store.
export { readEncryptionConfiguration } from "./encryption-configuration.ts";
