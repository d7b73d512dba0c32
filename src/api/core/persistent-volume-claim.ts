import { defineResource } from "../resource.ts";
import type { PersistentVolumeClaim } from "../types.generated.ts";

export const PersistentVolumeClaims = defineResource<PersistentVolumeClaim>({
  group: "",
  version: "v1",
  kind: "PersistentVolumeClaim",
  plural: "persistentvolumeclaims",
  shortNames: ["pvc"],
});
