export { makePrivateDirectory, writeFileAtomically } from "./atomic-file.ts";
export type { KeyPair } from "./certificate.ts";
export { certificateSigner } from "./certificate-signer.ts";
export * from "./kubeconfig.ts";
export * from "./pki.ts";
