import { defineResource } from "../resource.ts";
import type { CSINode } from "../types.generated.ts";

export const CSINodes = defineResource<CSINode>({
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSINode",
  plural: "csinodes",
});
