import { ageColumn, nameColumn } from "../columns.ts";
import { defineResource } from "../resource.ts";
import type { VolumeAttributesClass } from "../types.generated.ts";
import { unchangedField, validateDriver, validateParameters } from "./class-rules.ts";

/** The class is kept while a claim or volume names it. */
export const volumeAttributesClassProtectionFinalizer = "kubernetes.io/vac-protection";

export const VolumeAttributesClasses = defineResource<VolumeAttributesClass>({
  group: "storage.k8s.io",
  version: "v1",
  kind: "VolumeAttributesClass",
  plural: "volumeattributesclasses",
  shortNames: ["vac"],
  columns: [nameColumn, { name: "DriverName", type: "string", of: ({ driverName }) => driverName }, ageColumn],
  validate: ({ driverName, parameters }, at) => [
    ...validateDriver(at.child("driverName"), driverName),
    ...validateParameters(at.child("parameters"), parameters, { needsOne: true }),
  ],
  validateUpdate: (next, old, at) => [
    ...unchangedField(at.child("driverName"), next.driverName, old.driverName),
    ...unchangedField(at.child("parameters"), next.parameters, old.parameters),
  ],
});
