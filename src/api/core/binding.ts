import { createdAtColumn, nameColumn } from "../columns.ts";
import type { FieldError } from "../meta/api-error.ts";
import { notSupported, type Path, required } from "../meta/field-error.ts";
import { defineResource } from "../resource.ts";
import type { Binding } from "../types.generated.ts";

export const Bindings = defineResource<Binding>({
  group: "",
  version: "v1",
  kind: "Binding",
  plural: "bindings",
  columns: [nameColumn, createdAtColumn],
  validate: validateBinding,
});

/** What is wrong with a binding of a pod: its target must be a node's name. */
export function validateBinding({ target }: Binding, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (target?.kind && target.kind !== "Node")
    errors.push(notSupported(at.child("target", "kind"), target.kind, ["Node", "<empty>"]));
  if (!target?.name) errors.push(required(at.child("target", "name")));
  return errors;
}
