import { append, deepCopy, deepEqual, timestamp } from "../../lib/index.ts";
import { withChangedFields } from "../changed-fields.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { shownAs } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, rootPath } from "../meta/field-error.ts";
import { immutableField } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { PersistentVolume, PersistentVolumeSpec, VolumeNodeAffinity } from "../types.generated.ts";
import { formatAccessModes } from "./access-modes.ts";
import { currentNodeLabel, nodeSelectorTermWarnings } from "./node-label-warnings.ts";
import { classAnnotationWarnings, storageClassAnnotation } from "./persistent-volume-claim.ts";
import { validateVolumeSpec } from "./persistent-volume-validation.ts";
import { deprecatedVolumeWarnings } from "./pod-warnings.ts";
import { defaultSources } from "./volume-defaults.ts";

/** The volume is kept while a claim is bound to it. */
export const volumeProtectionFinalizer = "kubernetes.io/pv-protection";

export const PersistentVolumes = defineResource<PersistentVolume>({
  group: "",
  version: "v1",
  kind: "PersistentVolume",
  plural: "persistentvolumes",
  shortNames: ["pv"],
  columns: [
    nameColumn,
    { name: "Capacity", type: "string", of: ({ spec }) => spec.capacity?.storage ?? "0" },
    { name: "Access Modes", type: "string", of: ({ spec }) => formatAccessModes(spec.accessModes) },
    { name: "Reclaim Policy", type: "string", of: ({ spec }) => spec.persistentVolumeReclaimPolicy ?? "" },
    {
      name: "Status",
      type: "string",
      of: ({ metadata, status }) => (metadata.deletionTimestamp ? "Terminating" : (status.phase ?? "")),
    },
    {
      name: "Claim",
      type: "string",
      of: ({ spec }) => (spec.claimRef ? `${spec.claimRef.namespace ?? ""}/${spec.claimRef.name ?? ""}` : ""),
    },
    { name: "StorageClass", type: "string", of: volumeClass },
    { name: "VolumeAttributesClass", type: "string", of: ({ spec }) => spec.volumeAttributesClassName ?? "<unset>" },
    { name: "Reason", type: "string", of: ({ status }) => status.reason ?? "" },
    ageColumn,
    { name: "VolumeMode", type: "string", priority: 1, of: ({ spec }) => spec.volumeMode ?? "<unset>" },
  ],
  hasGeneration: false,
  defaults: ({ spec, status }) => {
    status.phase ||= "Pending";
    spec.persistentVolumeReclaimPolicy ||= "Retain";
    spec.volumeMode ??= "Filesystem";
    defaultSources(spec);
  },
  prepareForCreate: (volume, { nowMs }) => {
    volume.status = { phase: "Pending", lastPhaseTransitionTime: timestamp(nowMs) };
  },
  prepareForStatusUpdate: ({ status }, old, { nowMs }) => {
    const before = old.status.lastPhaseTransitionTime;
    if (status.phase === old.status.phase) {
      if (status.lastPhaseTransitionTime === undefined && before !== undefined) status.lastPhaseTransitionTime = before;
    } else if (status.lastPhaseTransitionTime === undefined || status.lastPhaseTransitionTime === before) {
      status.lastPhaseTransitionTime = timestamp(nowMs);
    }
  },
  validate: (volume, at) => validateVolumeSpec(volume, at.child("spec")),
  validateUpdate,
  warnings: volumeWarnings,
});

function volumeWarnings({ metadata, spec }: PersistentVolume): string[] {
  const at = rootPath.child("spec");
  const warnings = classAnnotationWarnings(metadata);
  if (spec.persistentVolumeReclaimPolicy === "Recycle")
    warnings.push(
      `${at.child("persistentVolumeReclaimPolicy")}: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.`,
    );
  const termsAt = at.child("nodeAffinity", "required", "nodeSelectorTerms");
  for (const [index, term] of (spec.nodeAffinity?.required?.nodeSelectorTerms ?? []).entries())
    append(warnings, nodeSelectorTermWarnings(term, termsAt.index(index)));
  return [...warnings, ...deprecatedVolumeWarnings(spec, at)];
}

/** The name of the storage class that the volume belongs to; "" for none. */
export function volumeClass({ metadata, spec }: PersistentVolume): string {
  return metadata.annotations?.[storageClassAnnotation] ?? spec.storageClassName ?? "";
}

/** The fields of the spec beside the one that says where the data is. */
const ownFields = [
  "accessModes",
  "capacity",
  "claimRef",
  "mountOptions",
  "nodeAffinity",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "volumeAttributesClassName",
  "volumeMode",
] as const satisfies readonly (keyof PersistentVolumeSpec)[];

function sourceOf(volume: PersistentVolume) {
  const spec = deepCopy(volume.spec);
  for (const field of ownFields) delete spec[field];
  return spec;
}

/** The same but for labels of old, which may be renamed. */
function isSameAffinity(next: VolumeNodeAffinity | undefined, old: VolumeNodeAffinity): boolean {
  const renamed = (affinity: VolumeNodeAffinity | undefined, rename: boolean) =>
    (affinity?.required?.nodeSelectorTerms ?? []).map(({ matchExpressions, ...rest }, index) => ({
      ...rest,
      matchExpressions: matchExpressions?.map((expression, number) => {
        const before = old.required?.nodeSelectorTerms?.[index]?.matchExpressions?.[number]?.key;
        return rename && before !== undefined && currentNodeLabel(before) === expression.key
          ? { ...expression, key: before }
          : expression;
      }),
    }));
  return deepEqual(renamed(next, true), renamed(old, false));
}

function validateUpdate(next: PersistentVolume, old: PersistentVolume, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const source = sourceOf(next);
  // The one part that may be added later.
  if (source.csi && old.spec.csi && !old.spec.csi.controllerExpandSecretRef)
    delete source.csi.controllerExpandSecretRef;
  const before = sourceOf(old);
  if (!deepEqual(source, before)) {
    const rule = "spec.persistentvolumesource is immutable after creation";
    const detail = withChangedFields(rule, source, before, at.child("spec"));
    errors.push(forbiddenField(at.child("spec", "persistentvolumesource"), detail));
  }
  append(errors, immutableField(at.child("volumeMode"), next.spec.volumeMode, old.spec.volumeMode));
  if (old.spec.nodeAffinity && !isSameAffinity(next.spec.nodeAffinity, old.spec.nodeAffinity))
    errors.push(
      invalidValue(
        at.child("nodeAffinity"),
        shownAs("io.k8s.api.core.v1.VolumeNodeAffinity")(next.spec.nodeAffinity),
        "field is immutable, except for updating from beta label to GA",
      ),
    );
  if (old.spec.volumeAttributesClassName !== undefined && next.spec.volumeAttributesClassName === undefined)
    errors.push(
      forbiddenField(at.child("spec", "volumeAttributesClassName"), "update from non-nil value to nil is forbidden"),
    );
  return errors;
}
