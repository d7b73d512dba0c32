import { defineResource } from "../resource.ts";
import type { VolumeAttachment } from "../types.generated.ts";

export const VolumeAttachments = defineResource<VolumeAttachment>({
  group: "storage.k8s.io",
  version: "v1",
  kind: "VolumeAttachment",
  plural: "volumeattachments",
});
