import { isPathSegmentName } from "../meta/index.ts";
import { defineResource } from "../resource.ts";
import type { ClusterRoleBinding } from "../types.generated.ts";
import {
  defaultRoleBinding,
  roleBindingColumns,
  validateRoleBinding,
  validateRoleBindingUpdate,
} from "./role-binding-rules.ts";

export const ClusterRoleBindings = defineResource<ClusterRoleBinding>({
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "ClusterRoleBinding",
  plural: "clusterrolebindings",
  columns: roleBindingColumns,
  allowsCreateOnUpdate: true,
  // Names such as system:node hold colons.
  validateName: isPathSegmentName,
  defaults: defaultRoleBinding,
  validate: (binding, at) => validateRoleBinding(binding, { roleKinds: ["ClusterRole"], namespaced: false }, at),
  validateUpdate: validateRoleBindingUpdate,
});
