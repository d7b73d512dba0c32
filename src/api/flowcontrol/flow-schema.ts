import { defineResource } from "../resource.ts";
import type { FlowSchema } from "../types.generated.ts";

export const FlowSchemas = defineResource<FlowSchema>({
  group: "flowcontrol.apiserver.k8s.io",
  version: "v1",
  kind: "FlowSchema",
  plural: "flowschemas",
});
