import { append } from "../../lib/index.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path } from "../meta/field-error.ts";

/** A path that leads nowhere up. */
export function validateNoBacksteps(at: Path, path: string): FieldError[] {
  return path.split("/").includes("..") ? [invalidValue(at, path, "must not contain '..'")] : [];
}

/** A relative path that stays below where it starts. */
export function validateDescendingPath(at: Path, path: string): FieldError[] {
  const errors = path.startsWith("/") ? [invalidValue(at, path, "must be a relative path")] : [];
  append(errors, validateNoBacksteps(at, path));
  return errors;
}

/** A descending path whose first name volumes do not use for themselves (they begin with two dots). */
export function validateFilePath(at: Path, path: string): FieldError[] {
  const errors = validateDescendingPath(at, path);
  if (path.startsWith("..") && path !== ".." && !path.startsWith("../"))
    errors.push(invalidValue(at, path, "must not start with '..'"));
  return errors;
}

/** Permission bits of a file, as a number from octal 0 to 0777. */
export function validateFileMode(at: Path, mode: number | undefined): FieldError[] {
  if (mode === undefined || (mode >= 0 && mode <= 0o777)) return [];
  return [invalidValue(at, mode, "must be a number between 0 and 0777 (octal), both inclusive")];
}
