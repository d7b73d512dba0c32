// What classes of storage have in common: k8s.io/kubernetes/pkg/apis/storage/validation/validation.go.
import { append, deepEqual, exceedsBytes } from "../../lib/index.ts";
import { invalidFor, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, required, tooLong } from "../meta/field-error.ts";
import { isQualifiedName } from "../meta/names.ts";

const parametersMax = 512;
const parametersBytesMax = 256 * 1024;

/** The qualified name of the one that makes volumes. */
export function validateDriver(at: Path, name = ""): FieldError[] {
  return name === "" ? [required(at)] : invalidFor(at, name.toLowerCase(), isQualifiedName(name.toLowerCase()));
}

export function validateParameters(
  at: Path,
  parameters: Readonly<Record<string, string>> | undefined,
  { needsOne = false }: { readonly needsOne?: boolean } = {},
): FieldError[] {
  const entries = Object.entries(parameters ?? {});
  if (entries.length > parametersMax) return [tooLong(at, parametersMax)];
  const errors: FieldError[] = [];
  if (entries.some(([key]) => key === "")) errors.push(invalidValue(at, "", "field can not be empty."));
  if (exceedsBytes(parametersBytesMax, entries.flat())) errors.push(tooLong(at, parametersBytesMax));
  if (needsOne) append(errors, requiredField(at, entries, "must contain at least one key/value pair"));
  return errors;
}

/** An error in the words of the classes when the field, the last of the path, has changed. */
export function unchangedField(at: Path, next: unknown, old: unknown): FieldError[] {
  return deepEqual(next, old) ? [] : [forbiddenField(at, `updates to ${at} are forbidden.`)];
}
