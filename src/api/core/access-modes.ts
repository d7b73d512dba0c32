import { optionalEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, type Path } from "../meta/field-error.ts";

const abbreviations = [
  ["ReadWriteOnce", "RWO"],
  ["ReadOnlyMany", "ROX"],
  ["ReadWriteMany", "RWX"],
  ["ReadWriteOncePod", "RWOP"],
] as const;
const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

export const volumeModes = ["Block", "Filesystem"];

/** The modes in short and in a fixed order: `RWO,RWX`. */
export function formatAccessModes(modes: readonly string[] | undefined): string {
  return abbreviations
    .filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(",");
}

export function validateAccessModes(at: Path, modes: readonly string[]): FieldError[] {
  const errors = modes.flatMap((mode) => optionalEnum(at, mode, accessModes));
  const others = modes.some((mode) => mode !== "ReadWriteOncePod" && accessModes.includes(mode));
  if (modes.includes("ReadWriteOncePod") && others)
    errors.push(forbiddenField(at, "may not use ReadWriteOncePod with other access modes"));
  return errors;
}
