import { eachItem, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path } from "../meta/field-error.ts";
import type { PolicyRule } from "../types.generated.ts";

/** What the rules of a role must name. Those of a role in a namespace cannot speak of URLs. */
export function validatePolicyRules(
  at: Path,
  rules: readonly PolicyRule[] | null | undefined,
  { namespaced }: { readonly namespaced: boolean },
): FieldError[] {
  return eachItem(at, rules, (rule, place) => validatePolicyRule(rule, namespaced, place));
}

function validatePolicyRule(rule: PolicyRule, namespaced: boolean, at: Path): FieldError[] {
  const { verbs, nonResourceURLs: urls = [], apiGroups = [], resources = [], resourceNames = [] } = rule;
  const errors = requiredField(at.child("verbs"), verbs, "verbs must contain at least one value");
  if (urls.length > 0) {
    const place = at.child("nonResourceURLs");
    if (namespaced) errors.push(invalidValue(place, urls, "namespaced rules cannot apply to non-resource URLs"));
    if (apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0)
      errors.push(invalidValue(place, urls, "rules cannot apply to both regular resources and non-resource URLs"));
    return errors;
  }
  return [
    ...errors,
    ...requiredField(at.child("apiGroups"), apiGroups, "resource rules must supply at least one api group"),
    ...requiredField(at.child("resources"), resources, "resource rules must supply at least one resource"),
  ];
}
