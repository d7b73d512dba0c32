import { ageColumn, nameColumn } from "../columns.ts";
import { eachItem } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path } from "../meta/field-error.ts";
import { isQualifiedName, nameIsDnsLabel } from "../meta/names.ts";
import { defineResource } from "../resource.ts";
import type { Namespace } from "../types.generated.ts";

/** The label that every namespace has, so that selectors can name one. */
const namespaceNameLabel = "kubernetes.io/metadata.name";

/** The finalizer that holds a namespace until what is in it is gone. */
export const namespaceFinalizer = "kubernetes";

export const Namespaces = defineResource<Namespace>({
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  shortNames: ["ns"],
  columns: [
    nameColumn,
    { name: "Status", type: "string", description: "The status of the namespace", of: ({ status }) => status.phase },
    ageColumn,
  ],
  selectableFields: { "status.phase": ({ status }) => status.phase ?? "" },
  statusFields: ["status"],
  hasGeneration: false,
  defaults: (namespace) => {
    if (namespace.metadata.name)
      namespace.metadata.labels = { ...namespace.metadata.labels, [namespaceNameLabel]: namespace.metadata.name };
    namespace.status.phase ||= "Active";
  },
  prepareForCreate: (namespace) => {
    namespace.status = { phase: "Active" };
    const finalizers = namespace.spec.finalizers ?? [];
    if (!finalizers.includes(namespaceFinalizer)) namespace.spec.finalizers = [...finalizers, namespaceFinalizer];
  },
  // Only the finalize subresource changes what the namespace waits for.
  prepareForUpdate: (namespace, old) => {
    if (old.spec.finalizers) namespace.spec.finalizers = [...old.spec.finalizers];
    else delete namespace.spec.finalizers;
  },
  // Kubernetes does not say here which of them is wrong.
  validate: ({ spec }, at) =>
    (spec.finalizers ?? []).flatMap((name) => validateFinalizer(name, at.child("spec", "finalizers"))),
  validateStatusUpdate,
  validateName: nameIsDnsLabel,
});

/** What is wrong with the finalizers that the finalize subresource is given. */
export function validateNamespaceFinalizers({ spec }: Namespace, at: Path): FieldError[] {
  return eachItem(at.child("spec", "finalizers"), spec.finalizers, (name, place) => validateFinalizer(name, place));
}

function validateFinalizer(name: string, at: Path): FieldError[] {
  const errors = isQualifiedName(name).map((message) => invalidValue(at, name, message));
  if (!name.includes("/") && ![namespaceFinalizer, "orphan", "foregroundDeletion"].includes(name))
    errors.push(invalidValue(at, name, "name is neither a standard finalizer name nor is it fully qualified"));
  return errors;
}

function validateStatusUpdate({ metadata, status }: Namespace, _old: Namespace, at: Path): FieldError[] {
  const place = at.child("status", "Phase");
  if (metadata.deletionTimestamp === undefined)
    return status.phase === "Active"
      ? []
      : [invalidValue(place, status.phase, "may only be 'Active' if `deletionTimestamp` is empty")];
  return status.phase === "Terminating"
    ? []
    : [invalidValue(place, status.phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")];
}
