// What a PersistentVolume may be: ValidatePersistentVolumeSpec of k8s.io/kubernetes/pkg/apis/core/validation.
import { eachEntry, invalidFor, optionalEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, notSupported, type Path, required } from "../meta/field-error.ts";
import { isDns1123Label, isDns1123Subdomain } from "../meta/names.ts";
import { validatePositiveQuantity } from "../meta/quantity.ts";
import type {
  CSIPersistentVolumeSource,
  PersistentVolume,
  PersistentVolumeSpec,
  SecretReference,
} from "../types.generated.ts";
import { validateAccessModes, volumeModes } from "./access-modes.ts";
import { validateNodeSelector } from "./affinity-validation.ts";
import { validateNoBacksteps } from "./path-rules.ts";
import { type SourceRules, sharedSourceRules, validateCsiDriverName, validateOneSource } from "./volume-sources.ts";

const volumeSourceRules: SourceRules = {
  ...sharedSourceRules,
  local: ({ path }, at) => (path ? validateNoBacksteps(at.child("path"), path) : [required(at.child("path"))]),
  csi: (source, at) => validateCsi(source as CSIPersistentVolumeSource, at),
};

export function validateVolumeSpec({ spec }: PersistentVolume, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec.accessModes?.length) errors.push(required(at.child("accessModes")));
  errors.push(
    ...validateAccessModes(at.child("accessModes"), spec.accessModes ?? []),
    ...validateCapacity(spec, at.child("capacity")),
    ...optionalEnum(at.child("persistentVolumeReclaimPolicy"), spec.persistentVolumeReclaimPolicy, [
      "Delete",
      "Recycle",
      "Retain",
    ]),
    ...validateNodeAffinity(spec, at.child("nodeAffinity")),
    ...validateOneSource(spec, at, volumeSourceRules, { gcePersistentDisk: "persistentDisk" }),
  );
  if (spec.local && !spec.nodeAffinity)
    errors.push(required(at.child("nodeAffinity"), "Local volume requires node affinity"));
  if (/^\/[/.]*$/.test(spec.hostPath?.path ?? "") && spec.persistentVolumeReclaimPolicy === "Recycle")
    errors.push(
      forbiddenField(at.child("persistentVolumeReclaimPolicy"), "may not be 'recycle' for a hostPath mount of '/'"),
    );
  if (spec.storageClassName)
    errors.push(
      ...invalidFor(at.child("storageClassName"), spec.storageClassName, isDns1123Subdomain(spec.storageClassName)),
    );
  errors.push(...optionalEnum(at.child("volumeMode"), spec.volumeMode, volumeModes));
  errors.push(...validateAttributesClass(spec, at));
  return errors;
}

function validateCapacity({ capacity = {} }: PersistentVolumeSpec, at: Path): FieldError[] {
  const names = Object.keys(capacity);
  const errors = names.length === 0 ? [required(at)] : [];
  if (names.length !== 1 || names[0] !== "storage") errors.push(notSupported(at, capacity, ["storage"]));
  errors.push(...eachEntry(at, capacity, (_, amount, place) => validatePositiveQuantity(place, amount)));
  return errors;
}

function validateNodeAffinity({ nodeAffinity }: PersistentVolumeSpec, at: Path): FieldError[] {
  if (!nodeAffinity) return [];
  if (!nodeAffinity.required) return [required(at.child("required"), "must specify required node constraints")];
  return validateNodeSelector(nodeAffinity.required, at.child("required"));
}

function validateAttributesClass(spec: PersistentVolumeSpec, at: Path): FieldError[] {
  const name = spec.volumeAttributesClassName;
  if (name === undefined) return [];
  const place = at.child("volumeAttributesClassName");
  const errors =
    name === ""
      ? [required(place, "an empty string is disallowed")]
      : invalidFor(place, name, isDns1123Subdomain(name));
  if (!spec.csi) errors.push(required(at.child("csi"), "has to be specified when using volumeAttributesClassName"));
  return errors;
}

const secretFields = [
  "controllerPublishSecretRef",
  "controllerExpandSecretRef",
  "nodePublishSecretRef",
  "nodeExpandSecretRef",
] as const;

function validateCsi(source: CSIPersistentVolumeSource, at: Path): FieldError[] {
  const errors = validateCsiDriverName(at.child("driver"), source.driver ?? "");
  errors.push(...requiredField(at.child("volumeHandle"), source.volumeHandle));
  for (const field of secretFields) {
    const reference = source[field];
    if (reference) errors.push(...validateSecretReference(reference, at.child(field)));
  }
  return errors;
}

function validateSecretReference({ name, namespace }: SecretReference, at: Path): FieldError[] {
  return [
    ...(name ? invalidFor(at.child("name"), name, isDns1123Subdomain(name)) : [required(at.child("name"))]),
    ...(namespace
      ? invalidFor(at.child("namespace"), namespace, isDns1123Label(namespace))
      : [required(at.child("namespace"))]),
  ];
}
