export { validateApproval } from "./certificate-request-validation.ts";
export * from "./certificate-signing-request.ts";
export { validateSignerName } from "./signer-name.ts";
