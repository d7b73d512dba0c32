// Signs approved requests for the certificates of Kubernetes' own signers: pkg/controller/certificates/signer.
// https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
import {
  type CertificateRequestContent,
  type CertificateSigningRequest,
  CertificateSigningRequests,
  clientSigner,
  kubeletClientSigner,
  kubeletServingSigner,
  readCertificateRequest,
} from "../api/index.ts";
import { defineController } from "../client/index.ts";
import { timestamp } from "../lib/index.ts";

export interface CertificateToSign {
  /** `spec.request` of the CertificateSigningRequest. */
  readonly request: string;
  /** In the words of Kubernetes: "digital signature", "client auth". */
  readonly usages: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Gives the certificate, PEM. Throws an Error for a request that its own key did not sign. */
export type SignCertificate = (certificate: CertificateToSign) => string;

const yearMs = 365 * 24 * 3600 * 1000;
const minuteMs = 60_000;
/** Certificates begin in the past, for clocks that are slow. */
const backdateMs = 5 * minuteMs;
/** From here on that is taken off their end. */
const shortMs = 8 * 60 * minuteMs;

/** What a signer refuses to sign, in a sentence; undefined when it signs. */
type Rule = (request: CertificateRequestContent, usages: readonly string[]) => string | undefined;

const rules: Readonly<Record<string, Rule>> = {
  [clientSigner]: (_, usages) => wrongClientUsages(usages),
  [kubeletClientSigner]: wrongKubeletClient,
  [kubeletServingSigner]: wrongKubeletServing,
};

/** Signs what is approved; the signature is good for `expirationSeconds`, a year at most. */
export function certificateSigningController(sign: SignCertificate) {
  return defineController({
    name: "certificatesigningrequest-signing-controller",
    watches: { for: CertificateSigningRequests },
    async reconcile({ client, cache, clock }, key) {
      const csr = cache.get(CertificateSigningRequests, key);
      const rule = csr && rules[csr.spec.signerName];
      if (!rule || csr.status.certificate || !isApproved(csr) || hasCondition(csr, "Failed")) return;
      const { request, usages = [], expirationSeconds } = csr.spec;
      const content = readCertificateRequest(request);
      if (!content) throw new Error(`unable to parse csr "${key}": PEM block type must be CERTIFICATE REQUEST`);
      const wrong = rule(content, usages);
      const nowMs = clock.now();
      const status = wrong
        ? { conditions: [...(csr.status.conditions ?? []), failed(wrong, timestamp(nowMs))] }
        : { certificate: btoa(sign({ request, usages, ...validity(expirationSeconds, nowMs) })) };
      const next = { ...csr, status: { ...csr.status, ...status } };
      await client.update(CertificateSigningRequests, next, { subresource: "status" });
    },
  });
}

function failed(message: string, lastUpdateTime: string) {
  return { type: "Failed", status: "True", reason: "SignerValidationFailure", message, lastUpdateTime } as const;
}

/** From when until when a certificate is good. */
export function validity(expirationSeconds: number | undefined, nowMs: number) {
  const wantedMs = expirationSeconds === undefined ? yearMs : expirationSeconds * 1000;
  const lastsMs = Math.min(Math.max(wantedMs, 10 * minuteMs), yearMs);
  const endMs = nowMs + (lastsMs < shortMs ? lastsMs : lastsMs - backdateMs);
  return { notBeforeMs: nowMs - backdateMs, notAfterMs: endMs };
}

export function hasCondition({ status }: CertificateSigningRequest, type: string): boolean {
  return status.conditions?.some((condition) => condition.type === type) ?? false;
}

const isApproved = (csr: CertificateSigningRequest): boolean =>
  hasCondition(csr, "Approved") && !hasCondition(csr, "Denied");

function wrongClientUsages(usages: readonly string[]): string | undefined {
  const possible = ["digital signature", "key encipherment", "client auth"];
  const other = usages.find((usage) => !possible.includes(usage));
  if (other !== undefined) return `invalid usage for client certificate: ${other}`;
  return usages.includes("client auth") ? undefined : "missing required usage for client certificate: client auth";
}

/** pkg/apis/certificates/helpers.go, ValidateKubeletClientCSR. */
export function wrongKubeletClient(
  { organizations, commonName, otherNames }: CertificateRequestContent,
  usages: readonly string[],
): string | undefined {
  if (!isNodesAlone(organizations)) return "subject organization is not system:nodes";
  if (otherNames.has("dns")) return "DNS subjectAltNames are not allowed";
  if (otherNames.has("email")) return "Email subjectAltNames are not allowed";
  if (otherNames.has("ip")) return "IP subjectAltNames are not allowed";
  if (otherNames.has("uri")) return "URI subjectAltNames are not allowed";
  return wrongNodeName(commonName) ?? wrongKubeletUsages(usages, "client auth");
}

/** The same file, ValidateKubeletServingCSR. */
function wrongKubeletServing(
  { organizations, commonName, otherNames }: CertificateRequestContent,
  usages: readonly string[],
): string | undefined {
  if (!isNodesAlone(organizations)) return "subject organization is not system:nodes";
  if (!otherNames.has("dns") && !otherNames.has("ip")) return "DNS or IP subjectAltName is required";
  if (otherNames.has("email")) return "Email subjectAltNames are not allowed";
  if (otherNames.has("uri")) return "URI subjectAltNames are not allowed";
  return wrongKubeletUsages(usages, "server auth") ?? wrongNodeName(commonName);
}

const isNodesAlone = (organizations: readonly string[]) =>
  organizations.length === 1 && organizations[0] === "system:nodes";

function wrongNodeName(commonName: string | undefined): string | undefined {
  return commonName?.startsWith("system:node:") ? undefined : "subject common name does not begin with system:node:";
}

function wrongKubeletUsages(usages: readonly string[], purpose: string): string | undefined {
  const all = ["digital signature", "key encipherment", purpose].sort();
  const isMissing = (usage: string) => usage !== "key encipherment" && !usages.includes(usage);
  const isWrong = usages.some((usage) => !all.includes(usage)) || all.some(isMissing);
  return isWrong ? `usages did not match [${all.join(" ")}]` : undefined;
}
