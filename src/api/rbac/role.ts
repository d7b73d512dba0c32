import { createdAtColumn, nameColumn } from "../columns.ts";
import { isPathSegmentName } from "../meta/index.ts";
import { defineResource } from "../resource.ts";
import type { Role } from "../types.generated.ts";
import { validatePolicyRules } from "./policy-rules.ts";

export const Roles = defineResource<Role>({
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "Role",
  plural: "roles",
  columns: [nameColumn, createdAtColumn],
  allowsCreateOnUpdate: true,
  // Names such as system:node hold colons.
  validateName: isPathSegmentName,
  validate: ({ rules }, at) => validatePolicyRules(at.child("rules"), rules, { namespaced: true }),
});
