import { defineResource } from "../resource.ts";
import type { DaemonSet } from "../types.generated.ts";

export const DaemonSets = defineResource<DaemonSet>({
  group: "apps",
  version: "v1",
  kind: "DaemonSet",
  plural: "daemonsets",
  shortNames: ["ds"],
  categories: ["all"],
});
