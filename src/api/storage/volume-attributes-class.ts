import { defineResource } from "../resource.ts";
import type { VolumeAttributesClass } from "../types.generated.ts";

export const VolumeAttributesClasses = defineResource<VolumeAttributesClass>({
  group: "storage.k8s.io",
  version: "v1",
  kind: "VolumeAttributesClass",
  plural: "volumeattributesclasses",
  shortNames: ["vac"],
});
