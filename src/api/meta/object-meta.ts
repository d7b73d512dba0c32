// What metadata may be: k8s.io/apimachinery/pkg/api/validation/objectmeta.go, with its messages.
import { append, type Draft, deepEqual, exceedsBytes, utf8Length } from "../../lib/index.ts";
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from "../types.generated.ts";
import type { FieldError } from "./api-error.ts";
import { forbiddenField, invalidValue, type Path, required, tooLong } from "./field-error.ts";
import { validateLabels } from "./label-selector.ts";
import { isQualifiedName, nameIsDnsLabel } from "./names.ts";
import { parseApiVersion } from "./owner-reference.ts";

export const annotationsBytesMax = 256 * 1024;
const fieldManagerBytesMax = 128;
const subresourceBytesMax = 256;

export interface ObjectMetaRules {
  readonly namespaced: boolean;
  readonly validateName: (name: string, prefix: boolean) => readonly string[];
  /** Custom resources may have finalizers without a domain; built-in kinds only the standard ones. */
  readonly customResource?: boolean;
}

/** What is wrong with the metadata of an object to be created; the name has been generated already. */
export function validateObjectMeta(at: Path, metadata: Partial<ObjectMeta>, rules: ObjectMetaRules): FieldError[] {
  const { name = "", generateName = "" } = metadata;
  const errors: FieldError[] = [];
  if (generateName !== "")
    for (const message of rules.validateName(generateName, true))
      errors.push(invalidValue(at.child("generateName"), generateName, message));
  if (name === "") errors.push(required(at.child("name"), "name or generateName is required"));
  else
    for (const message of rules.validateName(name, false)) errors.push(invalidValue(at.child("name"), name, message));
  append(errors, validateNamespace(at.child("namespace"), metadata.namespace ?? "", rules.namespaced));
  const { generation = 0 } = metadata;
  if (generation < 0)
    errors.push(invalidValue(at.child("generation"), generation, "must be greater than or equal to 0"));
  append(
    errors,
    validateLabels(at.child("labels"), metadata.labels),
    validateAnnotations(at.child("annotations"), metadata.annotations),
    validateOwnerReferences(at.child("ownerReferences"), metadata.ownerReferences ?? []),
    validateFinalizers(at.child("finalizers"), metadata.finalizers ?? []),
    validateManagedFields(at.child("managedFields"), metadata.managedFields ?? []),
  );
  if (!rules.customResource) append(errors, validateStandardFinalizers(at.child("finalizers"), metadata.finalizers));
  return errors;
}

function validateNamespace(at: Path, namespace: string, namespaced: boolean): FieldError[] {
  if (!namespaced) return namespace === "" ? [] : [forbiddenField(at, "not allowed on this type")];
  if (namespace === "") return [required(at)];
  return nameIsDnsLabel(namespace, false).map((message) => invalidValue(at, namespace, message));
}

/** What is wrong with the metadata of an update by itself and against what is stored. */
export function validateObjectMetaUpdate(at: Path, next: ObjectMeta, old: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp !== undefined)
    append(errors, validateNoNewFinalizers(at.child("finalizers"), next.finalizers ?? [], old.finalizers ?? []));
  if (!next.resourceVersion)
    errors.push(
      invalidValue(at.child("resourceVersion"), next.resourceVersion ?? "", "must be specified for an update"),
    );
  if ((next.generation ?? 0) < (old.generation ?? 0))
    errors.push(invalidValue(at.child("generation"), next.generation ?? 0, "must not be decremented"));
  append(
    errors,
    immutableFields(at, next, old, [
      "name",
      "namespace",
      "uid",
      "creationTimestamp",
      "deletionTimestamp",
      "deletionGracePeriodSeconds",
    ]),
    validateLabels(at.child("labels"), next.labels),
    validateAnnotations(at.child("annotations"), next.annotations),
    validateOwnerReferences(at.child("ownerReferences"), next.ownerReferences ?? []),
    validateManagedFields(at.child("managedFields"), next.managedFields ?? []),
  );
  return errors;
}

/** Takes from a write of the status what it may not change of the metadata: metav1.ResetObjectMetaForStatus. */
export function resetMetadataForStatus(next: Draft<ObjectMeta>, old: ObjectMeta): void {
  for (const field of ["labels", "annotations", "finalizers", "ownerReferences"] as const) {
    delete next[field];
    if (old[field] !== undefined) Object.assign(next, { [field]: old[field] });
  }
}

/** One error for each of the fields that differs between the two. */
export function immutableFields<T extends object>(
  at: Path,
  next: T,
  old: T,
  fields: readonly Extract<keyof T, string>[],
): FieldError[] {
  return fields.flatMap((field) => immutableField(at.child(field), next[field], old[field]));
}

/** An error when the two values differ. `shown` gives what the message prints of a value that it does not print as it is. */
export function immutableField<T>(
  at: Path,
  next: T,
  old: unknown,
  shown: (next: T) => unknown = (value) => value,
): FieldError[] {
  return deepEqual(next, old) ? [] : [invalidValue(at, shown(next), "field is immutable")];
}

export function validateAnnotations(at: Path, annotations: ObjectMeta["annotations"]): FieldError[] {
  const errors: FieldError[] = [];
  const texts = Object.entries(annotations ?? {});
  // Upper case is allowed in the prefix of an annotation.
  for (const [key] of texts)
    for (const message of isQualifiedName(key.toLowerCase())) errors.push(invalidValue(at, key, message));
  if (exceedsBytes(annotationsBytesMax, texts.flat())) errors.push(tooLong(at, annotationsBytesMax));
  return errors;
}

function validateOwnerReferences(at: Path, references: readonly OwnerReference[]): FieldError[] {
  const errors: FieldError[] = [];
  let controller = "";
  for (const reference of references) {
    append(errors, validateOwnerReference(at, reference));
    if (reference.controller !== true) continue;
    const name = `${reference.kind}/${reference.name}`;
    if (controller === "") controller = name;
    else
      errors.push(
        invalidValue(
          at,
          references,
          `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`,
        ),
      );
  }
  return errors;
}

function validateOwnerReference(at: Path, reference: OwnerReference): FieldError[] {
  const errors: FieldError[] = [];
  const { group, version } = parseApiVersion(reference.apiVersion ?? "");
  if (version === "")
    errors.push(invalidValue(at.child("apiVersion"), reference.apiVersion ?? "", "version must not be empty"));
  for (const field of ["kind", "name", "uid"] as const)
    if (!reference[field]) errors.push(invalidValue(at.child(field), "", "must not be empty"));
  if (group === "" && version === "v1" && reference.kind === "Event")
    errors.push(invalidValue(at, reference, "/v1, Kind=Event is disallowed from being an owner"));
  return errors;
}

export const orphanFinalizer = "orphan";
export const foregroundFinalizer = "foregroundDeletion";
const standardFinalizers = ["kubernetes", orphanFinalizer, foregroundFinalizer];

function validateFinalizers(at: Path, finalizers: readonly string[]): FieldError[] {
  const errors = finalizers.flatMap((each) => isQualifiedName(each).map((message) => invalidValue(at, each, message)));
  if (finalizers.includes(orphanFinalizer) && finalizers.includes(foregroundFinalizer))
    errors.push(
      invalidValue(at, finalizers, `finalizer ${orphanFinalizer} and ${foregroundFinalizer} cannot be both set`),
    );
  return errors;
}

/** The rule of the built-in kinds: k8s.io/kubernetes/pkg/apis/core/validation. */
function validateStandardFinalizers(at: Path, finalizers: readonly string[] = []): FieldError[] {
  return finalizers.flatMap((each, index) =>
    each.includes("/") || standardFinalizers.includes(each)
      ? []
      : [invalidValue(at.index(index), each, "name is neither a standard finalizer name nor is it fully qualified")],
  );
}

function validateNoNewFinalizers(at: Path, next: readonly string[], old: readonly string[]): FieldError[] {
  const added = [...new Set(next).difference(new Set(old))].sort();
  if (added.length === 0) return [];
  const list = `[]string{${added.map((each) => JSON.stringify(each)).join(", ")}}`;
  return [
    forbiddenField(at, `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`),
  ];
}

/** What is wrong with a manager's name, of the query or of managedFields. */
export function validateFieldManager(at: Path, manager: string): FieldError[] {
  // Nearly every name is plain and short.
  if (manager.length <= fieldManagerBytesMax && /^[ -~]*$/.test(manager)) return [];
  const errors: FieldError[] = [];
  if (exceedsBytes(fieldManagerBytesMax, manager)) errors.push(tooLong(at, fieldManagerBytesMax));
  let position = 0;
  for (const char of manager) {
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char)) {
      const code = `U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
      errors.push(invalidValue(at, manager, `invalid character ${code} (at position ${position})`));
    }
    position += utf8Length(char);
  }
  return errors;
}

function validateManagedFields(at: Path, entries: readonly ManagedFieldsEntry[]): FieldError[] {
  return entries.flatMap((entry, index) => {
    const place = at.index(index);
    const { operation = "", fieldsType = "", manager = "", subresource = "" } = entry;
    const errors: FieldError[] = [];
    if (operation !== "Apply" && operation !== "Update")
      errors.push(invalidValue(place.child("operation"), operation, "must be `Apply` or `Update`"));
    if (fieldsType !== "" && fieldsType !== "FieldsV1")
      errors.push(invalidValue(place.child("fieldsType"), fieldsType, "must be `FieldsV1`"));
    append(errors, validateFieldManager(place.child("manager"), manager));
    if (exceedsBytes(subresourceBytesMax, subresource))
      errors.push(tooLong(place.child("subresource"), subresourceBytesMax));
    return errors;
  });
}
