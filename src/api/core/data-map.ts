// What ConfigMaps and Secrets share: a bounded map of texts or bytes that can be made immutable.
import { deepEqual } from "../../lib/index.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, type Path } from "../meta/field-error.ts";

/** 1 MiB of values, keys not counted. */
export const maxDataBytes = 1024 * 1024;

/** How many bytes a base64 text stands for. */
export function decodedLength(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return Math.floor((base64.length * 3) / 4) - padding;
}

export function validateImmutableData<T extends { readonly immutable?: boolean }>(
  at: Path,
  next: T,
  old: T,
  fields: readonly Extract<keyof T, string>[],
): FieldError[] {
  if (!old.immutable) return [];
  const detail = "field is immutable when `immutable` is set";
  const errors = next.immutable ? [] : [forbiddenField(at.child("immutable"), detail)];
  for (const field of fields)
    if (!deepEqual(next[field] ?? {}, old[field] ?? {})) errors.push(forbiddenField(at.child(field), detail));
  return errors;
}
