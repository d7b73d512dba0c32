import { defineResource } from "../resource.ts";
import type { ComponentStatus } from "../types.generated.ts";

export const ComponentStatuses = defineResource<ComponentStatus>({
  group: "",
  version: "v1",
  kind: "ComponentStatus",
  plural: "componentstatuses",
  shortNames: ["cs"],
});
