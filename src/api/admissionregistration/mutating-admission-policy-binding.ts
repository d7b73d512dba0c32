import { defineResource } from "../resource.ts";
import type { MutatingAdmissionPolicyBinding } from "../types.generated.ts";

export const MutatingAdmissionPolicyBindings = defineResource<MutatingAdmissionPolicyBinding>({
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "MutatingAdmissionPolicyBinding",
  plural: "mutatingadmissionpolicybindings",
  categories: ["api-extensions"],
});
