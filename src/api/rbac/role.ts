import { isPathSegmentName } from "../meta/index.ts";
import { defineResource } from "../resource.ts";
import type { Role } from "../types.generated.ts";

export const Roles = defineResource<Role>({
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "Role",
  plural: "roles",
  // Names such as system:node hold colons.
  validateName: isPathSegmentName,
});
