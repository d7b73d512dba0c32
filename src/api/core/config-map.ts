import { defineResource } from "../resource.ts";
import type { ConfigMap } from "../types.generated.ts";

export const ConfigMaps = defineResource<ConfigMap>({
  group: "",
  version: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  shortNames: ["cm"],
});
