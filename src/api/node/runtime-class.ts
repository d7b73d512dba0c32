import { defineResource } from "../resource.ts";
import type { RuntimeClass } from "../types.generated.ts";

export const RuntimeClasses = defineResource<RuntimeClass>({
  group: "node.k8s.io",
  version: "v1",
  kind: "RuntimeClass",
  plural: "runtimeclasses",
});
