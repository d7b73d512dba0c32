import { defineResource } from "../resource.ts";
import type { DeviceClass } from "../types.generated.ts";

export const DeviceClasses = defineResource<DeviceClass>({
  group: "resource.k8s.io",
  version: "v1",
  kind: "DeviceClass",
  plural: "deviceclasses",
});
