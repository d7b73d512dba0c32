import { nameColumn } from "../columns.ts";
import { invalidFor, requiredField } from "../field-rules.ts";
import { shownAs } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { type Path, required } from "../meta/field-error.ts";
import { isCanonicalIp } from "../meta/ip.ts";
import { isDns1123Subdomain, isPathSegmentName } from "../meta/names.ts";
import { immutableField } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { IPAddress, ParentReference } from "../types.generated.ts";

export const IPAddresses = defineResource<IPAddress>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "IPAddress",
  plural: "ipaddresses",
  shortNames: ["ip"],
  columns: [nameColumn, { name: "ParentRef", type: "string", of: ({ spec }) => parentCell(spec.parentRef) }],
  validateName: isCanonicalIp,
  validate: ({ spec }, at) => validateParent(spec.parentRef, at.child("spec", "parentRef")),
  validateUpdate: (next, old, at) =>
    immutableField(
      at.child("spec", "parentRef"),
      next.spec.parentRef,
      old.spec.parentRef,
      shownAs("io.k8s.api.networking.v1.ParentReference"),
    ),
});

/** `services/default/kubernetes`. */
function parentCell(parent: ParentReference | undefined): string {
  if (!parent) return "<none>";
  const { resource, group, namespace, name } = parent;
  const resourceName = group ? `${resource}.${group}` : resource;
  return [resourceName, ...(namespace ? [namespace] : []), name].join("/").toLowerCase();
}

function validateParent(parent: ParentReference | undefined, at: Path): FieldError[] {
  if (!parent) return [required(at)];
  const { group, resource = "", name = "", namespace } = parent;
  const errors = group ? invalidFor(at.child("group"), group, isDns1123Subdomain(group)) : [];
  const segment = (field: string, value: string | undefined) =>
    value ? invalidFor(at.child(field), value, isPathSegmentName(value)) : [];
  return [
    ...errors,
    ...requiredField(at.child("resource"), resource),
    ...segment("resource", resource),
    ...requiredField(at.child("name"), name),
    ...segment("name", name),
    ...segment("namespace", namespace),
  ];
}
