import { defineResource } from "../resource.ts";
import type { CertificateSigningRequest } from "../types.generated.ts";

export const CertificateSigningRequests = defineResource<CertificateSigningRequest>({
  group: "certificates.k8s.io",
  version: "v1",
  kind: "CertificateSigningRequest",
  plural: "certificatesigningrequests",
  shortNames: ["csr"],
});
