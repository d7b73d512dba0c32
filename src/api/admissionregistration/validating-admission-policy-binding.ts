import { eachItem, optionalEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, invalidValue, type Path, required } from "../meta/field-error.ts";
import { defineResource } from "../resource.ts";
import type { ValidatingAdmissionPolicyBinding } from "../types.generated.ts";
import { defaultMatchResources, validateMatchResources } from "./match-rules.ts";
import { bindingColumns, validateParamRef, validatePolicyName } from "./policy-rules.ts";

export const ValidatingAdmissionPolicyBindings = defineResource<ValidatingAdmissionPolicyBinding>({
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "ValidatingAdmissionPolicyBinding",
  plural: "validatingadmissionpolicybindings",
  categories: ["api-extensions"],
  columns: bindingColumns,
  hasGeneration: true,
  allowsUnconditionalUpdate: false,
  defaults: ({ spec }) => {
    if (spec.matchResources) defaultMatchResources(spec.matchResources);
  },
  validate: ({ spec }, root) => {
    const at = root.child("spec");
    return [
      ...validatePolicyName(spec.policyName, at.child("policyName")),
      ...validateParamRef(spec.paramRef, at.child("paramRef")),
      ...(spec.matchResources ? validateMatchResources(spec.matchResources, at.child("matchResources")) : []),
      ...validateActions(spec.validationActions ?? [], at.child("validationActions")),
    ];
  },
});

function validateActions(actions: readonly string[], at: Path): FieldError[] {
  if (actions.length === 0) return [required(at, "at least one validation action is required")];
  const errors = eachItem(at, actions, (action, place, index) => [
    ...optionalEnum(place, action, ["Audit", "Deny", "Warn"]),
    ...(actions.indexOf(action) < index ? [duplicate(place, action)] : []),
  ]);
  if (actions.includes("Deny") && actions.includes("Warn"))
    errors.push(
      invalidValue(
        at,
        actions,
        "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)",
      ),
    );
  return errors;
}
