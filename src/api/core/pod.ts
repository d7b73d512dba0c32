import { defineResource } from "../resource.ts";
import type { Pod } from "../types.generated.ts";

export const Pods = defineResource<Pod>({
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  shortNames: ["po"],
  categories: ["all"],
});
