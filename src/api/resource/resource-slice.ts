import { defineResource } from "../resource.ts";
import type { ResourceSlice } from "../types.generated.ts";

export const ResourceSlices = defineResource<ResourceSlice>({
  group: "resource.k8s.io",
  version: "v1",
  kind: "ResourceSlice",
  plural: "resourceslices",
});
