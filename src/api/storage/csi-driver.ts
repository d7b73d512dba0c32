import { defineResource } from "../resource.ts";
import type { CSIDriver } from "../types.generated.ts";

export const CSIDrivers = defineResource<CSIDriver>({
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSIDriver",
  plural: "csidrivers",
});
