import { defineResource } from "../resource.ts";
import type { ValidatingAdmissionPolicy } from "../types.generated.ts";

export const ValidatingAdmissionPolicies = defineResource<ValidatingAdmissionPolicy>({
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "ValidatingAdmissionPolicy",
  plural: "validatingadmissionpolicies",
  categories: ["api-extensions"],
});
