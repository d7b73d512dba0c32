import assert from "node:assert/strict";
import { test } from "node:test";
import { certificateRequest, skipWithoutOpenssl } from "../../../test/certificate-request.ts";
import { type CertificateSigningRequest, CertificateSigningRequests, type NewObject } from "../../api/index.ts";
import type { Authorizer } from "../authorization/index.ts";
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from "./certificates.ts";
import { admitted } from "./request-for-tests.ts";

/** Allows `verb name` pairs on signers. */
const allowing = (...rights: readonly string[]): Authorizer => ({
  authorize: async ({ verb, resource }) => ({
    allowed: resource?.plural === "signers" && rights.includes(`${verb} ${resource.name}`),
    reason: "",
  }),
});

const request = (certificate?: string): NewObject<CertificateSigningRequest> => ({
  metadata: { name: "c" },
  spec: { signerName: "example.com/web", request: "" },
  status: certificate === undefined ? {} : { certificate },
});

test("approving takes the right for the signer or for its domain", async () => {
  const approve = (authorizer: Authorizer) =>
    admitted(certificateApproval(authorizer), CertificateSigningRequests, {
      object: request(),
      old: request(),
      subresource: "approval",
    });
  await approve(allowing("approve example.com/web"));
  await approve(allowing("approve example.com/*"));
  await assert.rejects(approve(allowing("sign example.com/web", "approve other.com/*")), {
    message:
      'certificatesigningrequests.certificates.k8s.io "c" is forbidden: user not permitted to approve requests with signerName "example.com/web"',
  });
});

test("signing takes the right to sign, and other changes of the status do not", async () => {
  const sign = (authorizer: Authorizer, object: NewObject<CertificateSigningRequest>) =>
    admitted(certificateSigning(authorizer), CertificateSigningRequests, {
      object,
      old: request(),
      subresource: "status",
    });
  await sign(allowing("sign example.com/web"), request("PEM"));
  await sign(allowing(), request());
  await assert.rejects(sign(allowing(), request("PEM")), /user not permitted to sign requests with signerName/);
});

test("nobody asks for a certificate of the masters", { skip: skipWithoutOpenssl }, async () => {
  const ask = (subject: string, signerName = "kubernetes.io/kube-apiserver-client") => {
    const pem = certificateRequest(subject);
    const object = { metadata: { name: "c" }, spec: { signerName, request: pem } };
    return admitted(certificateSubjectRestriction, CertificateSigningRequests, { object });
  };
  await ask("/O=dev/CN=jane");
  await ask("/O=system:masters/CN=jane", "example.com/web");
  await assert.rejects(
    ask("/O=system:masters/CN=jane"),
    /use of kubernetes.io\/kube-apiserver-client signer with system:masters group is not allowed/,
  );
  const broken = {
    metadata: { name: "c" },
    spec: { signerName: "kubernetes.io/kube-apiserver-client", request: "AAAA" },
  };
  await assert.rejects(
    admitted(certificateSubjectRestriction, CertificateSigningRequests, { object: broken }),
    /unable to parse CSR/,
  );
});
