import { eachItem, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, type Path } from "../meta/field-error.ts";

/** Conditions of this group: each type once. */
export function validateFlowConditions(
  conditions: readonly { readonly type?: string }[] | undefined,
  at: Path,
): FieldError[] {
  const types = new Set<string>();
  return eachItem(at, conditions, ({ type = "" }, place) => {
    const errors = types.has(type) ? [duplicate(place.child("type"), type)] : [];
    types.add(type);
    return [...errors, ...requiredField(place.child("type"), type, "must not be empty")];
  });
}
