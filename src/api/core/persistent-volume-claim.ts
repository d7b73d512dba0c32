import { append, type Draft, deepCopy, deepEqual } from "../../lib/index.ts";
import { withChangedFields } from "../changed-fields.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { eachEntry, invalidFor, optionalEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, notSupported, type Path, required, rootPath } from "../meta/field-error.ts";
import { validateLabelSelector } from "../meta/label-selector.ts";
import { isDns1123Subdomain, isQualifiedName, nameIsDnsLabel } from "../meta/names.ts";
import { immutableField } from "../meta/object-meta.ts";
import { compareQuantities, quantitySign, quantityValue, validatePositiveQuantity } from "../meta/quantity.ts";
import { defineResource } from "../resource.ts";
import type {
  ObjectMeta,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  Quantity,
  TypedObjectReference,
} from "../types.generated.ts";
import { formatAccessModes, validateAccessModes, volumeModes } from "./access-modes.ts";
import { fractionalByteWarnings } from "./resource-list.ts";
import { isNativeResource } from "./resource-names.ts";
import { defaultClaimSpec } from "./volume-defaults.ts";

/** Where the class was named before the field existed; still honoured. */
export const storageClassAnnotation = "volume.beta.kubernetes.io/storage-class";

/** The claim is kept while a pod uses it; a controller takes the finalizer away. */
export const claimProtectionFinalizer = "kubernetes.io/pvc-protection";

export const PersistentVolumeClaims = defineResource<PersistentVolumeClaim>({
  group: "",
  version: "v1",
  kind: "PersistentVolumeClaim",
  plural: "persistentvolumeclaims",
  shortNames: ["pvc"],
  columns: [
    nameColumn,
    {
      name: "Status",
      type: "string",
      of: ({ metadata, status }) => (metadata.deletionTimestamp ? "Terminating" : (status.phase ?? "")),
    },
    { name: "Volume", type: "string", of: ({ spec }) => spec.volumeName ?? "" },
    {
      name: "Capacity",
      type: "string",
      of: ({ spec, status }) => (spec.volumeName ? (status.capacity?.storage ?? "0") : ""),
    },
    {
      name: "Access Modes",
      type: "string",
      of: ({ spec, status }) => (spec.volumeName ? formatAccessModes(status.accessModes) : ""),
    },
    { name: "StorageClass", type: "string", of: claimClass },
    { name: "VolumeAttributesClass", type: "string", of: ({ spec }) => spec.volumeAttributesClassName ?? "<unset>" },
    ageColumn,
    { name: "VolumeMode", type: "string", priority: 1, of: ({ spec }) => spec.volumeMode ?? "<unset>" },
  ],
  hasGeneration: false,
  defaults: ({ spec, status }) => {
    defaultClaimSpec(spec);
    status.phase ||= "Pending";
  },
  prepareForCreate: (claim) => {
    claim.status = { phase: "Pending" };
    prepareDataSource(claim.spec, undefined);
  },
  prepareForUpdate: ({ spec }, old) => prepareDataSource(spec, old.spec),
  validate: ({ spec }, at) => validateClaimSpec(spec, at.child("spec")),
  validateUpdate,
  validateStatusUpdate,
  warnings: ({ metadata, spec }) => [
    ...classAnnotationWarnings(metadata),
    ...claimSpecWarnings(spec, rootPath.child("spec")),
  ],
});

/** Of the annotation that named the class before there was a field. */
export function classAnnotationWarnings({ annotations }: ObjectMeta): string[] {
  if (annotations?.[storageClassAnnotation] === undefined) return [];
  const place = rootPath.child("metadata", "annotations").key(storageClassAnnotation);
  return [`${place}: deprecated since v1.8; use "storageClassName" attribute instead`];
}

/** Warnings about the spec of a claim or of a template for claims. */
export function claimSpecWarnings({ resources }: PersistentVolumeClaimSpec, at: Path): string[] {
  return (["requests", "limits"] as const).flatMap((field) =>
    fractionalByteWarnings(resources?.[field], ["storage"], at.child("resources", field)),
  );
}

/** The name of the storage class that the claim asks for; "" for none. */
export function claimClass({ metadata, spec }: PersistentVolumeClaim): string {
  return metadata.annotations?.[storageClassAnnotation] ?? spec.storageClassName ?? "";
}

/**
 * dataSource and dataSourceRef say the same where the source needs no namespace. A source of another namespace is a
 * feature that is off in v1.35, and the older field knows claims and snapshots alone: what it cannot be is ignored.
 * k8s.io/kubernetes/pkg/api/persistentvolumeclaim, KEP-1495
 */
function prepareDataSource(spec: Draft<PersistentVolumeClaimSpec>, old: PersistentVolumeClaimSpec | undefined): void {
  if (spec.dataSourceRef?.namespace && !old?.dataSourceRef) delete spec.dataSourceRef;
  if (!spec.dataSourceRef && !old?.dataSource && !old?.dataSourceRef && !isClaimOrSnapshot(spec.dataSource))
    delete spec.dataSource;
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { namespace: _, ...reference } = spec.dataSourceRef;
    spec.dataSource = reference;
  }
}

function isClaimOrSnapshot(source: PersistentVolumeClaimSpec["dataSource"]): boolean {
  if (!source) return false;
  if (source.apiGroup) return source.kind === "VolumeSnapshot" && source.apiGroup === "snapshot.storage.k8s.io";
  return source.kind === "PersistentVolumeClaim";
}

/** What is wrong with the spec of a claim or of a template for claims. */
export function validateClaimSpec(spec: PersistentVolumeClaimSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(required(at.child("accessModes"), "at least 1 access mode is required"));
  if (spec.selector) append(errors, validateLabelSelector(at.child("selector"), spec.selector));
  append(errors, validateAccessModes(at.child("accessModes"), modes));
  const storage = spec.resources?.requests?.storage;
  const storageAt = at.child("resources").key("storage");
  append(errors, storage === undefined ? [required(storageAt)] : validatePositiveQuantity(storageAt, storage));
  append(
    errors,
    validateClassName(at.child("storageClassName"), spec.storageClassName),
    optionalEnum(at.child("volumeMode"), spec.volumeMode, volumeModes),
  );
  if (spec.dataSource) append(errors, validateDataSource(spec.dataSource, at.child("dataSource")));
  if (spec.dataSourceRef) append(errors, validateDataSource(spec.dataSourceRef, at.child("dataSourceRef")));
  if (spec.dataSource && spec.dataSourceRef) {
    const { namespace, ...reference } = spec.dataSourceRef;
    const place = String(at.child("dataSource"));
    if (namespace)
      errors.push(invalidValue(at, place, "may not be specified when dataSourceRef.namespace is specified"));
    else if (!deepEqual(reference, spec.dataSource)) errors.push(invalidValue(at, place, "must match dataSourceRef"));
  }
  return [...errors, ...validateClassName(at.child("volumeAttributesClassName"), spec.volumeAttributesClassName)];
}

/** An empty name stands for no class. */
function validateClassName(at: Path, name: string | undefined): FieldError[] {
  return name ? invalidFor(at, name, isDns1123Subdomain(name)) : [];
}

function validateDataSource(source: TypedObjectReference, at: Path): FieldError[] {
  const { name, kind, apiGroup, namespace } = source;
  const errors: FieldError[] = [];
  if (!name) errors.push(required(at.child("name")));
  if (!kind) errors.push(required(at.child("kind")));
  if (apiGroup) append(errors, invalidFor(at.child("apiGroup"), apiGroup, isDns1123Subdomain(apiGroup)));
  else if (kind !== "PersistentVolumeClaim")
    errors.push(invalidValue(at, kind ?? "", "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  if (namespace) append(errors, invalidFor(at.child("namespace"), namespace, nameIsDnsLabel(namespace, false)));
  return errors;
}

const resizeStates = [
  "ControllerResizeInProgress",
  "ControllerResizeInfeasible",
  "NodeResizePending",
  "NodeResizeInProgress",
  "NodeResizeInfeasible",
].sort();

function validateStatusUpdate({ spec, status }: PersistentVolumeClaim, _old: PersistentVolumeClaim, root: Path) {
  const at = root.child("status");
  // Kubernetes leaves the end of the name away.
  const statesAt = at.child("allocatedResourceStatus");
  const allocatedAt = at.child("allocatedResources");
  return [
    ...(spec.accessModes?.length ? [] : [required(root.child("Spec", "accessModes"))]),
    ...validateCapacity(at.child("capacity"), status.capacity),
    ...eachEntry(statesAt, status.allocatedResourceStatuses, (name, state) => [
      ...validateResourceKey(name, statesAt),
      ...(resizeStates.includes(state) ? [] : [notSupported(statesAt, name, resizeStates)]),
    ]),
    ...Object.keys(status.allocatedResources ?? {}).flatMap((name) => validateResourceKey(name, allocatedAt)),
    ...validateCapacity(allocatedAt, status.allocatedResources),
  ];
}

/** Kubernetes itself knows of no other resource of a claim than its storage. */
function validateResourceKey(name: string, at: Path): FieldError[] {
  const wrong = invalidFor(at, name, isQualifiedName(name));
  if (wrong.length > 0 || name === "storage" || !isNativeResource(name)) return wrong;
  return [notSupported(at, name, ["storage"])];
}

function validateCapacity(at: Path, list: Readonly<Record<string, Quantity>> | undefined): FieldError[] {
  return eachEntry(at, list, (_, amount, place) =>
    quantitySign(amount) < 0 ? [invalidValue(place, quantityValue(amount), "must be a valid resource quantity")] : [],
  );
}

function validateUpdate(next: PersistentVolumeClaim, old: PersistentVolumeClaim, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const annotation = [next, old].map(({ metadata }) => metadata.annotations?.[storageClassAnnotation]);
  if (annotation[0] !== annotation[1] && !takesClassFromAnnotation(next, old))
    append(
      errors,
      immutableField(
        at.child("metadata", "annotations", storageClassAnnotation),
        annotation[0] ?? "",
        annotation[1] ?? "",
      ),
    );
  const comparable = comparableSpec(next, old);
  if (!deepEqual(comparable, old.spec)) {
    const rule =
      "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
    errors.push(forbiddenField(at.child("spec"), withChangedFields(rule, comparable, old.spec, at.child("spec"))));
  }
  const size = next.spec.resources?.requests?.storage ?? "0";
  const storageAt = at.child("spec", "resources", "requests", "storage");
  if (
    compareQuantities(size, old.spec.resources?.requests?.storage ?? "0") < 0 &&
    compareQuantities(size, old.status.capacity?.storage ?? "0") <= 0
  )
    errors.push(forbiddenField(storageAt, "field can not be less than status.capacity"));
  append(errors, immutableField(at.child("volumeMode"), next.spec.volumeMode, old.spec.volumeMode));
  const classAt = at.child("spec", "volumeAttributesClassName");
  const { volumeAttributesClassName: attributesClass } = next.spec;
  if (
    !attributesClass &&
    attributesClass !== old.spec.volumeAttributesClassName &&
    old.status.currentVolumeAttributesClassName
  ) {
    const nothing = attributesClass === undefined ? "nil" : "empty string";
    const detail = `update to ${nothing} is forbidden when status.currentVolumeAttributesClassName is not nil`;
    errors.push(forbiddenField(classAt, detail));
  }
  return errors;
}

/** The next spec with those fields as before that may change. */
function comparableSpec(next: PersistentVolumeClaim, old: PersistentVolumeClaim): PersistentVolumeClaimSpec {
  const spec = deepCopy(next.spec);
  const keep = (field: "volumeName" | "storageClassName" | "volumeAttributesClassName") => {
    const before = old.spec[field];
    if (before === undefined) delete spec[field];
    else spec[field] = before;
  };
  if (!old.spec.volumeName) keep("volumeName");
  if (takesClassFromAnnotation(next, old) || takesFirstClass(next, old)) keep("storageClassName");
  if (old.status.phase !== "Bound") return spec;
  const storage = old.spec.resources?.requests?.storage;
  if (spec.resources?.requests && storage !== undefined) spec.resources.requests.storage = storage;
  keep("volumeAttributesClassName");
  return spec;
}

function takesClassFromAnnotation(next: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  const named = old.metadata.annotations?.[storageClassAnnotation];
  const stillNamed = next.metadata.annotations?.[storageClassAnnotation];
  return (
    named !== undefined &&
    old.spec.storageClassName === undefined &&
    next.spec.storageClassName === named &&
    (stillNamed === undefined || stillNamed === named)
  );
}

/** A claim that named no class may be given the default one once. */
function takesFirstClass(next: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  const named = old.metadata.annotations?.[storageClassAnnotation];
  const { storageClassName } = next.spec;
  return (
    storageClassName !== undefined &&
    old.spec.storageClassName === undefined &&
    (named === undefined || named === storageClassName)
  );
}
