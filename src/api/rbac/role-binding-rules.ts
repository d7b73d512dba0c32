// What bindings of roles have in common: k8s.io/kubernetes/pkg/apis/rbac/v1/defaults.go and rbac/validation.
import { append, type Draft, deepEqual } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { invalidFor, optionalEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { goStruct, invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { isPathSegmentName, nameIsDnsSubdomain } from "../meta/names.ts";
import type { Column, KubeObject } from "../resource.ts";
import type { RbacSubject, RoleRef } from "../types.generated.ts";

/** A RoleBinding or a ClusterRoleBinding. */
export interface AnyRoleBinding extends KubeObject {
  readonly roleRef: RoleRef;
  readonly subjects?: readonly RbacSubject[];
}

const group = "rbac.authorization.k8s.io";

export const roleBindingColumns: readonly Column<AnyRoleBinding>[] = [
  nameColumn,
  { name: "Role", type: "string", of: ({ roleRef }) => `${roleRef.kind}/${roleRef.name}` },
  ageColumn,
  { name: "Users", type: "string", priority: 1, of: (binding) => subjectsCell(binding, "User") },
  { name: "Groups", type: "string", priority: 1, of: (binding) => subjectsCell(binding, "Group") },
  { name: "ServiceAccounts", type: "string", priority: 1, of: (binding) => subjectsCell(binding, "ServiceAccount") },
];

function subjectsCell({ subjects = [] }: AnyRoleBinding, wanted: "User" | "Group" | "ServiceAccount"): string {
  return subjects
    .filter(({ kind }) => kind === wanted)
    .map(({ name, namespace = "" }) => (wanted === "ServiceAccount" ? `${namespace}/${name}` : name))
    .join(", ");
}

export function defaultRoleBinding(binding: Draft<AnyRoleBinding>): void {
  // A body without the field is refused by the validation.
  if (binding.roleRef) binding.roleRef.apiGroup ||= group;
  for (const subject of binding.subjects ?? [])
    if (subject.kind === "User" || subject.kind === "Group") subject.apiGroup ||= group;
}

/** `roleKinds` are the kinds of roles that can be bound in `namespaced` bindings, or in those of the cluster. */
export function validateRoleBinding(
  { roleRef, subjects = [] }: AnyRoleBinding,
  { roleKinds, namespaced }: { readonly roleKinds: readonly string[]; readonly namespaced: boolean },
  at: Path,
): FieldError[] {
  const { apiGroup = "", kind = "", name = "" } = roleRef ?? {};
  const refAt = at.child("roleRef");
  const errors = optionalEnum(refAt.child("apiGroup"), apiGroup, [group]);
  append(errors, optionalEnum(refAt.child("kind"), kind, roleKinds), requiredField(refAt.child("name"), name));
  if (name !== "") append(errors, invalidFor(refAt.child("name"), name, isPathSegmentName(name)));
  for (const [index, subject] of subjects.entries())
    append(errors, validateSubject(subject, namespaced, at.child("subjects").index(index)));
  return errors;
}

function validateSubject(
  { kind, name = "", namespace = "", apiGroup = "" }: RbacSubject,
  namespaced: boolean,
  at: Path,
): FieldError[] {
  const errors = requiredField(at.child("name"), name);
  switch (kind) {
    case "ServiceAccount":
      if (name !== "") append(errors, invalidFor(at.child("name"), name, nameIsDnsSubdomain(name, false)));
      append(errors, optionalEnum(at.child("apiGroup"), apiGroup, [""]));
      if (!namespaced && namespace === "") errors.push(required(at.child("namespace")));
      return errors;
    case "User":
    case "Group":
      return [...errors, ...optionalEnum(at.child("apiGroup"), apiGroup, [group])];
    default:
      return [...errors, notSupported(at.child("kind"), kind, ["ServiceAccount", "User", "Group"])];
  }
}

export function validateRoleBindingUpdate(next: AnyRoleBinding, old: AnyRoleBinding, at: Path): FieldError[] {
  if (deepEqual(next.roleRef, old.roleRef)) return [];
  const { apiGroup = "", kind = "", name = "" } = next.roleRef ?? {};
  const shown = goStruct({ APIGroup: apiGroup, Kind: kind, Name: name });
  return [invalidValue(at.child("roleRef"), shown, "cannot change roleRef")];
}
