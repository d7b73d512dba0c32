import { isPathSegmentName } from "../meta/index.ts";
import { defineResource } from "../resource.ts";
import type { RoleBinding } from "../types.generated.ts";
import {
  defaultRoleBinding,
  roleBindingColumns,
  validateRoleBinding,
  validateRoleBindingUpdate,
} from "./role-binding-rules.ts";

export const RoleBindings = defineResource<RoleBinding>({
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "RoleBinding",
  plural: "rolebindings",
  columns: roleBindingColumns,
  allowsCreateOnUpdate: true,
  // Names such as system:node hold colons.
  validateName: isPathSegmentName,
  defaults: defaultRoleBinding,
  validate: (binding, at) => validateRoleBinding(binding, { roleKinds: ["Role", "ClusterRole"], namespaced: true }, at),
  validateUpdate: validateRoleBindingUpdate,
});
