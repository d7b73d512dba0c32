import { defineResource } from "../resource.ts";
import type { ResourceResourceClaim } from "../types.generated.ts";

export const ResourceClaims = defineResource<ResourceResourceClaim>({
  group: "resource.k8s.io",
  version: "v1",
  kind: "ResourceClaim",
  plural: "resourceclaims",
});
