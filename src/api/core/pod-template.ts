import { defineResource } from "../resource.ts";
import type { PodTemplate } from "../types.generated.ts";

export const PodTemplates = defineResource<PodTemplate>({
  group: "",
  version: "v1",
  kind: "PodTemplate",
  plural: "podtemplates",
});
