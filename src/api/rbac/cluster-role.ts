import { createdAtColumn, nameColumn } from "../columns.ts";
import { eachItem, requiredField } from "../field-rules.ts";
import { isPathSegmentName, validateLabelSelector } from "../meta/index.ts";
import { defineResource } from "../resource.ts";
import type { ClusterRole } from "../types.generated.ts";
import { validatePolicyRules } from "./policy-rules.ts";

export const ClusterRoles = defineResource<ClusterRole>({
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "ClusterRole",
  plural: "clusterroles",
  columns: [nameColumn, createdAtColumn],
  allowsCreateOnUpdate: true,
  // Names such as system:node hold colons.
  validateName: isPathSegmentName,
  validate: ({ rules, aggregationRule }, at) => {
    const errors = validatePolicyRules(at.child("rules"), rules, { namespaced: false });
    if (!aggregationRule) return errors;
    const selectors = aggregationRule.clusterRoleSelectors ?? [];
    const place = at.child("aggregationRule", "clusterRoleSelectors");
    return [
      ...errors,
      ...requiredField(place, selectors, "at least one clusterRoleSelector required if aggregationRule is non-nil"),
      ...eachItem(place, selectors, (selector, each) => validateLabelSelector(each, selector)),
    ];
  },
});
