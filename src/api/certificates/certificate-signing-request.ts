import { type Draft, timestamp } from "../../lib/index.ts";
import { ageColumn, humanDuration, nameColumn } from "../columns.ts";
import { defineResource, type StrategyContext } from "../resource.ts";
import type { CertificateSigningRequest } from "../types.generated.ts";
import { validateRequest, validateStatusUpdate, verifyRequest } from "./certificate-request-validation.ts";

/** The signers of Kubernetes: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers */
export const clientSigner = "kubernetes.io/kube-apiserver-client";
export const kubeletClientSigner = "kubernetes.io/kube-apiserver-client-kubelet";
export const kubeletServingSigner = "kubernetes.io/kubelet-serving";

export const CertificateSigningRequests = defineResource<CertificateSigningRequest>({
  group: "certificates.k8s.io",
  version: "v1",
  kind: "CertificateSigningRequest",
  plural: "certificatesigningrequests",
  shortNames: ["csr"],
  columns: [
    nameColumn,
    ageColumn,
    { name: "SignerName", type: "string", of: ({ spec }) => spec.signerName || "<none>" },
    { name: "Requestor", type: "string", of: ({ spec }) => spec.username ?? "" },
    { name: "RequestedDuration", type: "string", of: ({ spec }) => durationCell(spec.expirationSeconds) },
    { name: "Condition", type: "string", of: conditionCell },
  ],
  hasGeneration: false,
  // Kubernetes does not care what requests are called.
  validateName: () => [],
  selectableFields: { "spec.signerName": ({ spec }) => spec.signerName ?? "" },
  prepareForCreate: ({ spec }, { user }) => {
    spec.username = user.name;
    spec.groups = [...user.groups];
    delete spec.uid;
    delete spec.extra;
    if (user.uid) spec.uid = user.uid;
    if (user.extra && Object.keys(user.extra).length > 0)
      spec.extra = Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]]));
  },
  prepareForUpdate: (draft, old) => {
    // What was asked for is not changed any more, and nobody is told.
    Object.assign(draft, { spec: old.spec });
  },
  prepareForStatusUpdate: fillConditionTimes,
  verifyCreate: verifyRequest,
  validate: validateRequest,
  validateStatusUpdate,
});

function durationCell(seconds: number | undefined): string {
  return seconds === undefined ? "<none>" : humanDuration(seconds * 1000);
}

/** `Approved,Issued`. */
function conditionCell({ status }: CertificateSigningRequest): string {
  const has = (type: string) => status.conditions?.some((condition) => condition.type === type);
  const states = [has("Denied") ? "Denied" : has("Approved") ? "Approved" : "Pending"];
  if (has("Failed")) states.push("Failed");
  if (status.certificate) states.push("Issued");
  return states.join(",");
}

function fillConditionTimes(
  draft: Draft<CertificateSigningRequest>,
  old: CertificateSigningRequest,
  { nowMs }: StrategyContext,
): void {
  const { conditions } = draft.status;
  if (!conditions) return;
  const now = timestamp(nowMs);
  const completed = conditions.map((condition) => {
    const before = old.status.conditions?.find(
      ({ type, status, lastTransitionTime }) =>
        type === condition.type && status === condition.status && lastTransitionTime,
    );
    return {
      ...condition,
      lastUpdateTime: condition.lastUpdateTime ?? now,
      lastTransitionTime: condition.lastTransitionTime ?? before?.lastTransitionTime ?? now,
    };
  });
  draft.status = { ...draft.status, conditions: completed };
}
