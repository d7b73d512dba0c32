import { defineResource } from "../resource.ts";
import type { ValidatingAdmissionPolicyBinding } from "../types.generated.ts";

export const ValidatingAdmissionPolicyBindings = defineResource<ValidatingAdmissionPolicyBinding>({
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "ValidatingAdmissionPolicyBinding",
  plural: "validatingadmissionpolicybindings",
  categories: ["api-extensions"],
});
