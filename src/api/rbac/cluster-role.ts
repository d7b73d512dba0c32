import { isPathSegmentName } from "../meta/index.ts";
import { defineResource } from "../resource.ts";
import type { ClusterRole } from "../types.generated.ts";

export const ClusterRoles = defineResource<ClusterRole>({
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "ClusterRole",
  plural: "clusterroles",
  // Names such as system:node hold colons.
  validateName: isPathSegmentName,
});
