import { defineResource } from "../resource.ts";
import type { ResourceQuota } from "../types.generated.ts";

export const ResourceQuotas = defineResource<ResourceQuota>({
  group: "",
  version: "v1",
  kind: "ResourceQuota",
  plural: "resourcequotas",
  shortNames: ["quota"],
});
