import { ageColumn, nameColumn } from "../columns.ts";
import { defineResource } from "../resource.ts";
import type { DeviceClass } from "../types.generated.ts";
import { boundedList, deviceListMax, validateOpaque, validateSelectors } from "./device-rules.ts";

export const DeviceClasses = defineResource<DeviceClass>({
  group: "resource.k8s.io",
  version: "v1",
  kind: "DeviceClass",
  plural: "deviceclasses",
  columns: [nameColumn, ageColumn],
  hasGeneration: true,
  validate: ({ spec }, root) => {
    const at = root.child("spec");
    return [
      ...validateSelectors(spec.selectors, at.child("selectors")),
      ...boundedList(at.child("config"), spec.config, deviceListMax, ({ opaque }, place) =>
        validateOpaque(opaque, place),
      ),
    ];
  },
});
