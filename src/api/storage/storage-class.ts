import { defineResource } from "../resource.ts";
import type { StorageClass } from "../types.generated.ts";

export const StorageClasses = defineResource<StorageClass>({
  group: "storage.k8s.io",
  version: "v1",
  kind: "StorageClass",
  plural: "storageclasses",
  shortNames: ["sc"],
});
