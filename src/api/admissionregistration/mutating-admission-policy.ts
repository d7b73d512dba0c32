import { defineResource } from "../resource.ts";
import type { MutatingAdmissionPolicy } from "../types.generated.ts";

export const MutatingAdmissionPolicies = defineResource<MutatingAdmissionPolicy>({
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "MutatingAdmissionPolicy",
  plural: "mutatingadmissionpolicies",
  categories: ["api-extensions"],
});
