import { defineResource } from "../resource.ts";
import type { StatefulSet } from "../types.generated.ts";

export const StatefulSets = defineResource<StatefulSet>({
  group: "apps",
  version: "v1",
  kind: "StatefulSet",
  plural: "statefulsets",
  shortNames: ["sts"],
  categories: ["all"],
});
