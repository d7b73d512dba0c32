// What requests for certificates may be: k8s.io/kubernetes/pkg/apis/certificates/validation/validation.go.
import { append, deepEqual } from "../../lib/index.ts";
import { withChangedFields } from "../changed-fields.ts";
import { conditionStatuses } from "../conditions.ts";
import { eachItem, optionalEnum, requiredEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, forbiddenField, invalidValue, type Path } from "../meta/field-error.ts";
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from "../types.generated.ts";
import { whatIsWrongWithRequest } from "./certificate-request-rules.ts";
import { whatIsNoCertificate } from "./certificate-rules.ts";
import { validateSignerName } from "./signer-name.ts";

const usages = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];
const legacySigner = "kubernetes.io/legacy-unknown";
const secondsMin = 600;
const approvalTypes = ["Approved", "Denied"];
const finalTypes = [...approvalTypes, "Failed"];

/** What is wrong with the request itself; an update cannot change it. */
export async function verifyRequest({ spec: { request = "" } }: CertificateSigningRequest, at: Path) {
  const wrong = await whatIsWrongWithRequest(request);
  return wrong ? [invalidValue(at.child("spec", "request"), request, wrong)] : [];
}

export function validateRequest({ spec, status }: CertificateSigningRequest, root: Path): FieldError[] {
  const at = root.child("spec");
  const errors: FieldError[] = [];
  const { usages: asked = [], signerName = "", expirationSeconds } = spec;
  const usagesAt = at.child("usages");
  append(
    errors,
    requiredField(usagesAt, asked),
    eachItem(usagesAt, asked, (usage, place) => optionalEnum(place, usage, usages)),
    eachItem(usagesAt, asked, (usage, place, index) => (asked.indexOf(usage) < index ? [duplicate(place, usage)] : [])),
  );
  if (signerName === legacySigner)
    errors.push(
      invalidValue(at.child("signerName"), signerName, "the legacy signerName is not allowed via this API version"),
    );
  else append(errors, validateSignerName(at.child("signerName"), signerName));
  if (expirationSeconds !== undefined && expirationSeconds < secondsMin)
    errors.push(
      invalidValue(
        at.child("expirationSeconds"),
        expirationSeconds,
        "may not specify a duration less than 600 seconds (10 minutes)",
      ),
    );
  return [...errors, ...validateConditions(status.conditions ?? [], root.child("status", "conditions"))];
}

function validateConditions(conditions: readonly CertificateSigningRequestCondition[], at: Path): FieldError[] {
  const seen = new Set<string>();
  return eachItem(at, conditions, ({ type = "", status }, place) => {
    const errors = [
      ...requiredField(place.child("type"), type),
      ...requiredEnum(place.child("status"), status, finalTypes.includes(type) ? ["True"] : conditionStatuses),
    ];
    const opposite = type === "Approved" ? "Denied" : type === "Denied" ? "Approved" : undefined;
    if (opposite && seen.has(opposite))
      errors.push(invalidValue(at, type, "Approved and Denied conditions are mutually exclusive"));
    if (seen.has(type)) errors.push(duplicate(place.child("type"), type));
    seen.add(type);
    return errors;
  });
}

/** The signer's update: the certificate, and conditions but those that approve and deny. */
export function validateStatusUpdate(
  next: CertificateSigningRequest,
  old: CertificateSigningRequest,
  at: Path,
): FieldError[] {
  const certificateAt = at.child("status", "certificate");
  const certificate = next.status.certificate ?? "";
  const signed = old.status.certificate ?? "";
  const errors = validateRequest(next, at);
  const wrong = certificate === signed ? undefined : whatIsNoCertificate(certificate);
  if (wrong) errors.push(invalidValue(certificateAt, "<certificate data>", wrong));
  append(errors, validateKept(next, old, at));
  for (const type of approvalTypes) {
    const before = conditionsOf(old, type);
    const now = conditionsOf(next, type);
    const place = at.child("status", "conditions");
    if (now.length > before.length)
      errors.push(forbiddenField(place, `updates may not add a condition of type "${type}"`));
    else if (now.length === before.length && !deepEqual(now, before)) {
      const sentence = `updates may not modify a condition of type "${type}"`;
      errors.push(forbiddenField(place, withChangedFields(sentence, now, before, place)));
    }
  }
  if (certificate !== signed && signed !== "")
    errors.push(forbiddenField(certificateAt, "updates may not modify existing certificate content"));
  return errors;
}

/** The approver's update: conditions, and no certificate. */
export function validateApproval(
  next: CertificateSigningRequest,
  old: CertificateSigningRequest,
  at: Path,
): FieldError[] {
  const errors = [...validateRequest(next, at), ...validateKept(next, old, at)];
  if ((next.status.certificate ?? "") !== (old.status.certificate ?? ""))
    errors.push(forbiddenField(at.child("status", "certificate"), "updates may not set certificate content"));
  return errors;
}

function validateKept(next: CertificateSigningRequest, old: CertificateSigningRequest, at: Path): FieldError[] {
  return finalTypes
    .filter((type) => conditionsOf(next, type).length < conditionsOf(old, type).length)
    .map((type) =>
      forbiddenField(at.child("status", "conditions"), `updates may not remove a condition of type "${type}"`),
    );
}

function conditionsOf({ status }: CertificateSigningRequest, type: string) {
  return (status.conditions ?? []).filter((condition) => condition.type === type);
}
