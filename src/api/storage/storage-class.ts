import { append } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { namedLabelWarnings } from "../core/node-label-warnings.ts";
import { eachItem, optionalEnum, requiredEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, type Path, rootPath } from "../meta/field-error.ts";
import { validateLabelName } from "../meta/label-selector.ts";
import { immutableFields } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { ObjectMeta, StorageClass, TopologySelectorTerm } from "../types.generated.ts";
import { unchangedField, validateDriver, validateParameters } from "./class-rules.ts";

/** The annotations that make a class the default, for claims that name none. */
export const defaultStorageClassAnnotations = [
  "storageclass.kubernetes.io/is-default-class",
  "storageclass.beta.kubernetes.io/is-default-class",
] as const;

export const StorageClasses = defineResource<StorageClass>({
  group: "storage.k8s.io",
  version: "v1",
  kind: "StorageClass",
  plural: "storageclasses",
  shortNames: ["sc"],
  columns: [
    { ...nameColumn, of: ({ metadata }) => nameWithDefault(metadata) },
    { name: "Provisioner", type: "string", of: ({ provisioner }) => provisioner },
    { name: "ReclaimPolicy", type: "string", of: ({ reclaimPolicy }) => reclaimPolicy ?? "Delete" },
    { name: "VolumeBindingMode", type: "string", of: ({ volumeBindingMode }) => volumeBindingMode ?? "Immediate" },
    { name: "AllowVolumeExpansion", type: "string", of: ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false },
    ageColumn,
  ],
  defaults: (storageClass) => {
    storageClass.reclaimPolicy ??= "Delete";
    storageClass.volumeBindingMode ??= "Immediate";
  },
  validate: (storageClass, at) => [
    ...validateDriver(at.child("provisioner"), storageClass.provisioner),
    ...validateParameters(at.child("parameters"), storageClass.parameters),
    ...(storageClass.reclaimPolicy
      ? optionalEnum(at.child("reclaimPolicy"), storageClass.reclaimPolicy, ["Delete", "Retain"])
      : []),
    ...requiredEnum(at.child("volumeBindingMode"), storageClass.volumeBindingMode, [
      "Immediate",
      "WaitForFirstConsumer",
    ]),
    ...validateTopologies(storageClass.allowedTopologies, at.child("allowedTopologies")),
  ],
  validateUpdate: (next, old, at) => [
    ...unchangedField(at.child("parameters"), next.parameters, old.parameters),
    ...unchangedField(at.child("provisioner"), next.provisioner, old.provisioner),
    ...unchangedField(at.child("reclaimPolicy"), next.reclaimPolicy, old.reclaimPolicy),
    ...immutableFields(at, next, old, ["volumeBindingMode"]),
  ],
  warnings: ({ allowedTopologies = [] }) =>
    allowedTopologies.flatMap(({ matchLabelExpressions = [] }, index) =>
      matchLabelExpressions.flatMap(({ key }, number) =>
        namedLabelWarnings(
          rootPath.child("allowedTopologies").index(index).child("matchLabelExpressions").index(number).child("key"),
          key,
        ),
      ),
    ),
});

function nameWithDefault({ name, annotations }: ObjectMeta): string {
  return defaultStorageClassAnnotations.some((mark) => annotations?.[mark] === "true") ? `${name} (default)` : name;
}

function validateTopologies(terms: readonly TopologySelectorTerm[] | undefined, at: Path): FieldError[] {
  const seen = new Set<string>();
  return eachItem(at, terms, (term, place) => {
    const errors = validateTerm(term, place);
    const key = termKey(term);
    if (seen.has(key)) errors.push(duplicate(place.child("matchLabelExpressions"), ""));
    seen.add(key);
    return errors;
  });
}

/** Alike for terms that select the same. */
function termKey({ matchLabelExpressions = [] }: TopologySelectorTerm): string {
  return JSON.stringify(matchLabelExpressions.map(({ key, values = [] }) => [key, [...values].sort()]).sort());
}

function validateTerm({ matchLabelExpressions }: TopologySelectorTerm, at: Path): FieldError[] {
  const keys = new Set<string>();
  return eachItem(at.child("matchLabelExpressions"), matchLabelExpressions, ({ key = "", values = [] }, place) => {
    const errors = requiredField(place.child("values"), values);
    for (const [index, value] of values.entries())
      if (values.indexOf(value) < index) errors.push(duplicate(place.child("values").index(index), value));
    append(errors, validateLabelName(place.child("key"), key));
    if (keys.has(key)) errors.push(duplicate(place.child("key"), key));
    keys.add(key);
    return errors;
  });
}
