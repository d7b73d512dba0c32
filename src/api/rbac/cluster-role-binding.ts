import { isPathSegmentName } from "../meta/index.ts";
import { defineResource } from "../resource.ts";
import type { ClusterRoleBinding } from "../types.generated.ts";

export const ClusterRoleBindings = defineResource<ClusterRoleBinding>({
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "ClusterRoleBinding",
  plural: "clusterrolebindings",
  // Names such as system:node hold colons.
  validateName: isPathSegmentName,
});
