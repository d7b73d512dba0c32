import { defineResource } from "../resource.ts";
import type { CSIStorageCapacity } from "../types.generated.ts";

export const CSIStorageCapacities = defineResource<CSIStorageCapacity>({
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSIStorageCapacity",
  plural: "csistoragecapacities",
});
