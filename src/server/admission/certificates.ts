// Who may approve and sign for which signer, and what nobody may ask for:
// https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization
import {
  type CertificateSigningRequest,
  CertificateSigningRequests,
  clientSigner,
  readCertificateRequest,
  type User,
} from "../../api/index.ts";
import { deepEqual } from "../../lib/index.ts";
import { type Authorizer, privilegedGroup } from "../authorization/index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { refuse } from "./refusal.ts";
import { written } from "./subject.ts";

/** Approving takes the verb approve on the signer. */
export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateApproval",
    resources: [CertificateSigningRequests],
    async validate(request) {
      const old = updated(request, "approval");
      if (old && !(await mayFor(authorizer, request.user, "approve", old.spec.signerName)))
        throw refuse(request, `user not permitted to approve requests with signerName "${old.spec.signerName}"`);
    },
  };
}

/** Signing, which is writing the certificate or the conditions, takes the verb sign on the signer. */
export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateSigning",
    resources: [CertificateSigningRequests],
    async validate(request) {
      const old = updated(request, "status");
      const next = request.object as CertificateSigningRequest | undefined;
      if (!old || !next) return;
      const signs =
        old.status?.certificate !== next.status?.certificate ||
        !deepEqual(old.status?.conditions ?? [], next.status?.conditions ?? []);
      if (signs && !(await mayFor(authorizer, request.user, "sign", old.spec.signerName)))
        throw refuse(request, `user not permitted to sign requests with signerName "${old.spec.signerName}"`);
    },
  };
}

/** Nobody gets a certificate that may do everything by asking for one. */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: "CertificateSubjectRestriction",
  resources: [CertificateSigningRequests],
  validate(request) {
    const spec = written(request, CertificateSigningRequests, "CREATE")?.spec;
    if (spec?.signerName !== clientSigner) return;
    const subject = readCertificateRequest(spec.request);
    if (!subject) throw refuse(request, "unable to parse CSR: PEM block type must be CERTIFICATE REQUEST");
    if (subject.organizations.includes(privilegedGroup))
      throw refuse(request, `use of ${clientSigner} signer with ${privilegedGroup} group is not allowed`);
  },
};

/** What is stored of the request that this update of a subresource is about: the signer cannot be changed on the way. */
function updated(request: AdmissionRequest, subresource: string): CertificateSigningRequest | undefined {
  const { definition, operation } = request;
  const isAbout =
    definition.group === CertificateSigningRequests.group && definition.plural === CertificateSigningRequests.plural;
  if (!isAbout || operation !== "UPDATE" || request.subresource !== subresource) return undefined;
  return request.old as CertificateSigningRequest | undefined;
}

/** The right for this signer, or for all of its domain: `example.com/*`. */
async function mayFor(authorizer: Authorizer, user: User, verb: string, signer: string): Promise<boolean> {
  const domain = `${signer.split("/")[0]}/*`;
  for (const name of [signer, domain]) {
    const resource = {
      group: "certificates.k8s.io",
      version: "*",
      plural: "signers",
      subresource: "",
      namespace: "",
      name,
    };
    if ((await authorizer.authorize({ user, verb, resource })).allowed) return true;
  }
  return false;
}
