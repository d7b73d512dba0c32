import { invalidFor } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import type { Path } from "../meta/field-error.ts";
import { isPortName, isPortNumber } from "../meta/names.ts";
import type { IntOrString } from "../types.generated.ts";

/** What is wrong with a port that is a number or the name of one. */
export function validatePortNumberOrName(at: Path, port: IntOrString): FieldError[] {
  return invalidFor(at, port, typeof port === "number" ? isPortNumber(port) : isPortName(port));
}
