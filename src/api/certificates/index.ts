export { type CertificateRequestContent, type NameKind, readCertificateRequest } from "./certificate-request.ts";
export { validateApproval } from "./certificate-request-validation.ts";
export * from "./certificate-signing-request.ts";
export { validateSignerName } from "./signer-name.ts";
export { type CertificateIdentity, readCertificate, readEncodedCertificate, type Subject } from "./x509-certificate.ts";
