/** https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/ */
import { type GreetingV2, salutationDefault } from "./greeting.ts";

export interface AdmissionReview {
  readonly apiVersion: string;
  readonly kind: string;
  readonly request: { readonly uid: string; readonly object: GreetingV2 };
}

/** Fills in how one is greeted. */
export function mutate({ apiVersion, kind, request }: AdmissionReview): object {
  const { uid, object } = request;
  const patch = object.spec.salutation
    ? undefined
    : [{ op: "add", path: "/spec/salutation", value: salutationDefault }];
  const change = patch && { patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(patch)).toString("base64") };
  return { apiVersion, kind, response: { uid, allowed: true, ...change } };
}

/** Refuses to greet nobody, and warns of shouting. */
export function validate({ apiVersion, kind, request }: AdmissionReview): object {
  const { name = "", salutation = "" } = request.object.spec;
  const warnings = salutation.endsWith("!") ? ["nobody likes to be shouted at"] : [];
  const refusal =
    name === "" ? { allowed: false, status: { code: 422, reason: "Invalid", message: "name somebody" } } : undefined;
  return { apiVersion, kind, response: { uid: request.uid, allowed: true, warnings, ...refusal } };
}
