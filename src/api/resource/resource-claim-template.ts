import { ageColumn, nameColumn } from "../columns.ts";
import { shownAs } from "../go-value.ts";
import { validateLabels } from "../meta/label-selector.ts";
import { immutableField, validateAnnotations } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { ResourceClaimTemplate } from "../types.generated.ts";
import { defaultDeviceClaim, validateDeviceClaim } from "./device-claim.ts";

export const ResourceClaimTemplates = defineResource<ResourceClaimTemplate>({
  group: "resource.k8s.io",
  version: "v1",
  kind: "ResourceClaimTemplate",
  plural: "resourceclaimtemplates",
  columns: [nameColumn, ageColumn],
  defaults: ({ spec }) => {
    if (spec.spec?.devices) defaultDeviceClaim(spec.spec.devices);
  },
  // What was asked for does not change any more.
  validateCreate: ({ spec }, root) => {
    const at = root.child("spec");
    return [
      ...validateAnnotations(at.child("metadata", "annotations"), spec.metadata?.annotations),
      ...validateLabels(at.child("metadata", "labels"), spec.metadata?.labels),
      ...validateDeviceClaim(spec.spec?.devices ?? {}, at.child("spec", "devices")),
    ];
  },
  validateUpdate: (next, old, at) =>
    immutableField(at.child("spec"), next.spec, old.spec, shownAs("io.k8s.api.resource.v1.ResourceClaimTemplateSpec")),
});
