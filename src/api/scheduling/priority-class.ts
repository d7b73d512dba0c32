import { defineResource } from "../resource.ts";
import type { PriorityClass } from "../types.generated.ts";

export const PriorityClasses = defineResource<PriorityClass>({
  group: "scheduling.k8s.io",
  version: "v1",
  kind: "PriorityClass",
  plural: "priorityclasses",
  shortNames: ["pc"],
});
