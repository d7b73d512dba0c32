// Approves the requests of nodes for the certificate that they are clients with, when RBAC lets the requester have it:
// pkg/controller/certificates/approver/sarapprove.go.
// https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/#approval
import {
  type CertificateRequestContent,
  type CertificateSigningRequest,
  CertificateSigningRequests,
  kubeletClientSigner,
  type NewObject,
  readCertificateRequest,
  type SubjectAccessReview,
  SubjectAccessReviews,
} from "../api/index.ts";
import { type Client, defineController } from "../client/index.ts";
import { timestamp } from "../lib/index.ts";
import { hasCondition, wrongKubeletClient } from "./certificate-signing.ts";

const againMs = 60_000;

/** One way to be approved: the subresource that the requester must be allowed to create. */
interface Recognition {
  readonly permission: string;
  readonly message: string;
  recognizes(csr: CertificateSigningRequest, content: CertificateRequestContent): boolean;
}

const recognitions: readonly Recognition[] = [
  {
    permission: "selfnodeclient",
    message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
    recognizes: ({ spec }, { commonName }) => spec.username === commonName,
  },
  {
    permission: "nodeclient",
    message: "Auto approving kubelet client certificate after SubjectAccessReview.",
    recognizes: () => true,
  },
];

export const certificateApprovingController = defineController({
  name: "certificatesigningrequest-approving-controller",
  watches: { for: CertificateSigningRequests },
  async reconcile({ client, cache, clock }, key) {
    const csr = cache.get(CertificateSigningRequests, key);
    if (!csr || csr.spec.signerName !== kubeletClientSigner) return;
    if (csr.status.certificate || hasCondition(csr, "Approved") || hasCondition(csr, "Denied")) return;
    const content = readCertificateRequest(csr.spec.request);
    if (!content || wrongKubeletClient(content, csr.spec.usages ?? [])) return;
    for (const { permission, message, recognizes } of recognitions) {
      if (!recognizes(csr, content)) continue;
      if (!(await mayHave(client, csr, permission))) continue;
      const lastUpdateTime = timestamp(clock.now());
      const approved = { type: "Approved", status: "True", reason: "AutoApproved", message, lastUpdateTime } as const;
      const conditions = [...(csr.status.conditions ?? []), approved];
      const next = { ...csr, status: { ...csr.status, conditions } };
      await client.update(CertificateSigningRequests, next, { subresource: "approval" });
      return;
    }
    // The right may be given after the request.
    return { afterMs: againMs };
  },
});

async function mayHave(client: Client, { spec }: CertificateSigningRequest, subresource: string): Promise<boolean> {
  const { username: user = "", uid, groups = [], extra } = spec;
  const resource = "certificatesigningrequests";
  const resourceAttributes = { group: "certificates.k8s.io", resource, verb: "create", subresource, version: "*" };
  const review: NewObject<SubjectAccessReview> = {
    metadata: {},
    spec: { user, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}), resourceAttributes },
  };
  const { status } = await client.create(SubjectAccessReviews, review);
  return status?.allowed ?? false;
}
