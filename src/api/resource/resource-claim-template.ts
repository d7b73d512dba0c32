import { defineResource } from "../resource.ts";
import type { ResourceClaimTemplate } from "../types.generated.ts";

export const ResourceClaimTemplates = defineResource<ResourceClaimTemplate>({
  group: "resource.k8s.io",
  version: "v1",
  kind: "ResourceClaimTemplate",
  plural: "resourceclaimtemplates",
});
