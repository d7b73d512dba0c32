// What a PersistentVolume may be: ValidatePersistentVolumeSpec of k8s.io/kubernetes/pkg/apis/core/validation.
import { append } from "../../lib/index.ts";
import { eachEntry, invalidFor, optionalEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { isDns1123Label, isDns1123Subdomain } from "../meta/names.ts";
import { quantitySign, quantityValue, validatePositiveQuantity } from "../meta/quantity.ts";
import type {
  CSIPersistentVolumeSource,
  GlusterfsPersistentVolumeSource,
  PersistentVolume,
  PersistentVolumeSpec,
  SecretReference,
} from "../types.generated.ts";
import { validateAccessModes, volumeModes } from "./access-modes.ts";
import { validateNodeSelector } from "./affinity-validation.ts";
import { validateNoBacksteps } from "./path-rules.ts";
import {
  type SourceRules,
  sharedSourceRules,
  validateCsiDriverName,
  validateInitiatorTarget,
  validateOneSource,
} from "./volume-sources.ts";

/** The rules in the order in which Kubernetes looks for a source; `volumeName` is "" inside of another object. */
function sourceRules(volumeName: string): SourceRules {
  const shared = sharedSourceRules;
  return {
    hostPath: shared.hostPath,
    gcePersistentDisk: shared.gcePersistentDisk,
    awsElasticBlockStore: shared.awsElasticBlockStore,
    glusterfs: (source, at) => [
      ...shared.glusterfs(source, at),
      ...validateEndpointsNamespace((source as GlusterfsPersistentVolumeSource).endpointsNamespace, at),
    ],
    flocker: shared.flocker,
    nfs: shared.nfs,
    rbd: withSecret(shared.rbd),
    quobyte: shared.quobyte,
    cephfs: withSecret(shared.cephfs),
    iscsi: (source, at) => [
      ...validateInitiatorTarget(at.child("targetportal"), source.targetPortal, source, volumeName),
      ...shared.iscsi(source, at),
      ...(source.secretRef ? requiredField(at.child("secretRef", "name"), source.secretRef.name) : []),
    ],
    cinder: withSecret(shared.cinder),
    fc: shared.fc,
    flexVolume: withSecret(shared.flexVolume),
    azureFile: shared.azureFile,
    vsphereVolume: shared.vsphereVolume,
    photonPersistentDisk: shared.photonPersistentDisk,
    portworxVolume: shared.portworxVolume,
    azureDisk: shared.azureDisk,
    scaleIO: withSecret(shared.scaleIO),
    local: ({ path }, at) => (path ? validateNoBacksteps(at.child("path"), path) : [required(at.child("path"))]),
    storageos: withSecret(shared.storageos),
    csi: (source, at) => validateCsi(source as CSIPersistentVolumeSource, at),
  };
}

function validateEndpointsNamespace(namespace: string | undefined, at: Path): FieldError[] {
  if (namespace === undefined) return [];
  const place = at.child("endpointsNamespace");
  return namespace === ""
    ? [invalidValue(place, namespace, "if the endpointnamespace is set, it must be a valid namespace name")]
    : invalidFor(place, namespace, isDns1123Label(namespace));
}

/** A volume is in no namespace, so that the secret of its source is found by both its names. */
function withSecret<Source>(rule: (source: Source, at: Path) => FieldError[]) {
  return (source: Source, at: Path): FieldError[] => {
    const { secretRef } = source as { readonly secretRef?: SecretReference };
    const errors = rule(source, at);
    if (!secretRef) return errors;
    const place = at.child("secretRef");
    const unnamed = requiredField(place.child("name"), secretRef.name);
    const known = new Set(errors.map(({ field }) => field));
    return [
      ...errors,
      ...unnamed.filter(({ field }) => !known.has(field)),
      ...requiredField(place.child("namespace"), secretRef.namespace),
    ];
  };
}

export function validateVolumeSpec({ metadata, spec }: PersistentVolume, at: Path): FieldError[] {
  const { persistentVolumeReclaimPolicy: policy, storageClassName } = spec;
  return [
    ...validateModes(spec, at),
    ...validateCapacity(spec, at.child("capacity")),
    ...optionalEnum(at.child("persistentVolumeReclaimPolicy"), policy, ["Delete", "Recycle", "Retain"]),
    ...validateNodeAffinity(spec, at.child("nodeAffinity")),
    ...validateSource(spec, metadata.name, at),
    ...(storageClassName
      ? invalidFor(at.child("storageClassName"), storageClassName, isDns1123Subdomain(storageClassName))
      : []),
    ...optionalEnum(at.child("volumeMode"), spec.volumeMode, volumeModes),
    ...validateAttributesClass(spec, at),
  ];
}

/** What is wrong with the spec of a volume that is written inside of another object, and is of no use but to CSI. */
export function validateInlineVolumeSpec(spec: PersistentVolumeSpec, at: Path): FieldError[] {
  const notInline = (field: "capacity" | "claimRef" | "nodeAffinity" | "storageClassName", isGiven: boolean) =>
    isGiven ? [forbiddenField(at.child(field), "may not be specified in the context of inline volumes")] : [];
  const { persistentVolumeReclaimPolicy: policy = "Retain", volumeMode = "Filesystem" } = spec;
  const policyRule = "may only be Retain in the context of inline volumes";
  const modeRule = "may not specify volumeMode other than Filesystem in the context of inline volumes";
  return [
    ...notInline("claimRef", spec.claimRef !== undefined),
    ...notInline("capacity", Object.keys(spec.capacity ?? {}).length > 0),
    ...(spec.csi ? [] : [required(at.child("csi"), "has to be specified in the context of inline volumes")]),
    ...validateModes(spec, at),
    ...(policy === "Retain" ? [] : [forbiddenField(at.child("persistentVolumeReclaimPolicy"), policyRule)]),
    ...notInline("nodeAffinity", spec.nodeAffinity !== undefined),
    ...validateSource(spec, "", at),
    ...notInline("storageClassName", Boolean(spec.storageClassName)),
    ...(volumeMode === "Filesystem" ? [] : [forbiddenField(at.child("volumeMode"), modeRule)]),
    ...validateAttributesClass(spec, at),
  ];
}

function validateModes({ accessModes = [] }: PersistentVolumeSpec, at: Path): FieldError[] {
  const place = at.child("accessModes");
  return [...requiredField(place, accessModes), ...validateAccessModes(place, accessModes)];
}

function validateSource(spec: PersistentVolumeSpec, volumeName: string, at: Path): FieldError[] {
  const errors = validateOneSource(spec, at, sourceRules(volumeName), { gcePersistentDisk: "persistentDisk" });
  if (spec.local && !spec.nodeAffinity)
    errors.push(required(at.child("nodeAffinity"), "Local volume requires node affinity"));
  if (/^\/[/.]*$/.test(spec.hostPath?.path ?? "") && spec.persistentVolumeReclaimPolicy === "Recycle")
    errors.push(
      forbiddenField(at.child("persistentVolumeReclaimPolicy"), "may not be 'recycle' for a hostPath mount of '/'"),
    );
  return errors;
}

function validateCapacity({ capacity = {} }: PersistentVolumeSpec, at: Path): FieldError[] {
  const names = Object.keys(capacity);
  const errors = names.length === 0 ? [required(at)] : [];
  if (names.length !== 1 || names[0] !== "storage") errors.push(notSupported(at, capacity, ["storage"]));
  append(
    errors,
    eachEntry(at, capacity, (_, amount, place) => [
      ...(quantitySign(amount) < 0
        ? [invalidValue(place, quantityValue(amount), "must be a valid resource quantity")]
        : []),
      ...validatePositiveQuantity(place, amount),
    ]),
  );
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
  append(errors, requiredField(at.child("volumeHandle"), source.volumeHandle));
  for (const field of secretFields) {
    const reference = source[field];
    if (reference) append(errors, validateSecretReference(reference, at.child(field)));
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
