export { makePrivateDirectory, writeFileAtomically } from "./atomic-file.ts";
export { issue, type KeyPair, newPrivateKey } from "./certificate.ts";
export { certificateSigner } from "./certificate-signer.ts";
export * from "./kubeconfig.ts";
export * from "./pki.ts";
