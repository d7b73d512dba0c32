import { defineResource } from "../resource.ts";
import type { PriorityLevelConfiguration } from "../types.generated.ts";

export const PriorityLevelConfigurations = defineResource<PriorityLevelConfiguration>({
  group: "flowcontrol.apiserver.k8s.io",
  version: "v1",
  kind: "PriorityLevelConfiguration",
  plural: "prioritylevelconfigurations",
});
