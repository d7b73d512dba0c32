import { defineResource } from "../resource.ts";
import type { MutatingAdmissionPolicyBinding } from "../types.generated.ts";
import { defaultMatchResources, validateMatchResources, validateMutableOperations } from "./match-rules.ts";
import { bindingColumns, validateParamRef, validatePolicyName } from "./policy-rules.ts";

export const MutatingAdmissionPolicyBindings = defineResource<MutatingAdmissionPolicyBinding>({
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "MutatingAdmissionPolicyBinding",
  plural: "mutatingadmissionpolicybindings",
  categories: ["api-extensions"],
  columns: bindingColumns,
  hasGeneration: true,
  allowsUnconditionalUpdate: false,
  defaults: ({ spec }) => {
    if (spec.matchResources) defaultMatchResources(spec.matchResources);
  },
  validate: ({ spec: { policyName, paramRef, matchResources } }, root) => {
    const at = root.child("spec");
    const place = at.child("matchResources");
    return [
      ...validatePolicyName(policyName, at.child("policyName")),
      ...validateParamRef(paramRef, at.child("paramRef")),
      ...(matchResources
        ? [...validateMatchResources(matchResources, place), ...validateMutableOperations(matchResources, place)]
        : []),
    ];
  },
});
