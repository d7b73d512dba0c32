// The reviews that webhooks are asked for, of admission.k8s.io.
// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response
import { ApiError, isObject, type Status, whyNoJsonPatch } from "../../../api/index.ts";
import { parseJson } from "../../../lib/index.ts";
import type { AdmissionRequest } from "../admission.ts";
import { type ReviewedObjects, requestFacts } from "../matching/variables.ts";

const versions = ["v1", "v1beta1"] as const;

export type ReviewVersion = (typeof versions)[number];

const apiVersionOf = (version: ReviewVersion) => `admission.k8s.io/${version}`;

const isKnown = (version: string): version is ReviewVersion => versions.some((each) => each === version);

/** The first that the webhook takes and the server knows: there is one, or the configuration would be refused. */
export function reviewVersion(taken: readonly string[] = []): ReviewVersion {
  return taken.find(isKnown) ?? "v1";
}

/** What was asked, by which the answer is read. */
export interface Asked {
  readonly uid: string;
  readonly version: ReviewVersion;
  readonly mayPatch: boolean;
}

export function admissionReview(request: AdmissionRequest, reviewed: ReviewedObjects, { uid, version }: Asked): object {
  const { kind, resource, ...facts } = requestFacts(request, reviewed.as);
  const { operation, userInfo, dryRun, options = null, ...names } = facts;
  return {
    kind: "AdmissionReview",
    apiVersion: apiVersionOf(version),
    request: {
      uid,
      kind,
      resource,
      ...names,
      operation,
      userInfo,
      object: reviewed.object ?? null,
      oldObject: reviewed.old ?? null,
      dryRun,
      options,
    },
  };
}

export interface ReviewAnswer {
  readonly allowed: boolean;
  readonly result: Partial<Status> | undefined;
  /** Those of its JSON patch. */
  readonly operations: readonly unknown[];
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

type Fields = Readonly<Record<string, unknown>>;

interface Patch {
  readonly base64: string;
  readonly type: string;
}

/** Reads what a webhook answered. Throws Error in Kubernetes' words when that is no answer to this review. */
export function readAnswer(answer: unknown, asked: Asked): ReviewAnswer {
  let response: Fields;
  let patch: Patch | undefined;
  try {
    response = responseOf(answer, asked);
    patch = asked.version === "v1" ? patchOf(response, asked.mayPatch) : oldPatchOf(response, asked.mayPatch);
  } catch (error) {
    throw new Error("received invalid webhook response", { cause: error });
  }
  const allowed = response.allowed === true;
  return {
    allowed,
    result: isObject(response.status) ? (response.status as Partial<Status>) : undefined, // its fields are looked at one by one
    operations: allowed && patch ? operationsOf(patch) : [],
    warnings: Array.isArray(response.warnings) ? response.warnings.filter((each) => typeof each === "string") : [],
    auditAnnotations: isObject(response.auditAnnotations)
      ? (Object.fromEntries(
          Object.entries(response.auditAnnotations).filter(([, value]) => typeof value === "string"),
        ) as Record<string, string>) // only those are kept
      : {},
  };
}

function responseOf(answer: unknown, { uid, version }: Asked): Fields {
  const apiVersion = apiVersionOf(version);
  if (!isObject(answer)) throw new Error(`expected webhook response of ${apiVersion}, Kind=AdmissionReview`);
  const { response } = answer;
  if (!isObject(response)) throw new Error("webhook response was absent");
  // Nothing said of those that they must name what they answer.
  if (version === "v1beta1") return response;
  if (response.uid !== uid)
    throw new Error(
      `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(typeof response.uid === "string" ? response.uid : "")}`,
    );
  if (answer.apiVersion !== apiVersion || answer.kind !== "AdmissionReview") {
    const got = `${String(answer.apiVersion ?? "")}, Kind=${String(answer.kind ?? "")}`;
    throw new Error(`expected webhook response of ${apiVersion}, Kind=AdmissionReview, got ${got}`);
  }
  return response;
}

function patchOf({ patch, patchType }: Fields, mayPatch: boolean): Patch | undefined {
  const hasPatch = typeof patch === "string" && patch !== "";
  const hasType = patchType !== undefined && patchType !== null;
  if (!mayPatch) {
    if (hasPatch) throw new Error("validating webhook may not return response.patch");
    if (hasType) throw new Error("validating webhook may not return response.patchType");
    return undefined;
  }
  if (hasPatch && !hasType) throw new Error("webhook returned response.patch but not response.patchType");
  if (!hasPatch && hasType) throw new Error("webhook returned response.patchType but not response.patch");
  if (!hasPatch) return undefined;
  const type = textOf(patchType);
  if (type === "") throw new Error('webhook returned invalid response.patchType of ""');
  return { base64: patch, type };
}

/** In v1beta1 there was but one type. */
function oldPatchOf({ patch }: Fields, mayPatch: boolean): Patch | undefined {
  return mayPatch && typeof patch === "string" && patch !== "" ? { base64: patch, type: "JSONPatch" } : undefined;
}

function operationsOf({ base64, type }: Patch): readonly unknown[] {
  let operations: unknown;
  try {
    operations = parseJson(decodeText(base64)) ?? [];
    const why = whyNoJsonPatch(operations);
    if (why !== undefined) throw new Error(why);
  } catch (error) {
    throw new Error("received undecodable patch in webhook response", { cause: error });
  }
  if (!Array.isArray(operations) || operations.length === 0) return [];
  if (type !== "JSONPatch") throw new Error(`unsupported patch type ${JSON.stringify(type)}`);
  return operations;
}

function decodeText(base64: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
}

/** The refusal of a webhook as the client gets it: its own Status, said in whose name. */
export function denial(webhook: string, result: Partial<Status> = {}): ApiError {
  const { code, details } = result;
  const [message, reason] = [textOf(result.message), textOf(result.reason)];
  const why = message || reason;
  const start = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  return new ApiError(
    // A refusal is an error, whatever the webhook calls it.
    typeof code === "number" && code >= 400 && code <= 599 ? code : 400,
    reason,
    why === "" ? `${start} without explanation` : `${start}: ${why}`,
    isObject(details) ? details : undefined,
  );
}

/** What webhooks send is of whatever type. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
