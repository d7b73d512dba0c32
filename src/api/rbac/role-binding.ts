import { isPathSegmentName } from "../meta/index.ts";
import { defineResource } from "../resource.ts";
import type { RoleBinding } from "../types.generated.ts";

export const RoleBindings = defineResource<RoleBinding>({
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "RoleBinding",
  plural: "rolebindings",
  // Names such as system:node hold colons.
  validateName: isPathSegmentName,
});
