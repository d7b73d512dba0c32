import { append } from "../../lib/index.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path, required, tooLong } from "../meta/field-error.ts";
import { isDns1123Label, isDns1123Subdomain } from "../meta/names.ts";

const domainBytesMax = 253;
/** A domain, a slash, the name of a namespace, a dot and the name of an object. */
const signerBytesMax = domainBytesMax + 1 + 63 + 1 + 253;

/** What is wrong with the name of one who signs certificates: `example.com/signer-name`. */
export function validateSignerName(at: Path, signer: string): FieldError[] {
  if (signer === "") return [required(at)];
  const [domain = "", path, ...rest] = signer.split("/");
  if (path === undefined || rest.length > 0)
    return [
      invalidValue(at, signer, "must be a fully qualified domain and path of the form 'example.com/signer-name'"),
    ];
  const errors = domain.length > domainBytesMax ? [tooLong(at, domainBytesMax)] : [];
  const labels = domain.split(".");
  append(errors, firstWrong(at, domain, labels, isDns1123Label));
  if (labels.length < 2)
    errors.push(invalidValue(at, domain, "should be a domain with at least two segments separated by dots"));
  append(errors, firstWrong(at, path, path.split("."), isDns1123Subdomain));
  if (signer.length > signerBytesMax) errors.push(tooLong(at, signerBytesMax));
  return errors;
}

function firstWrong(
  at: Path,
  whole: string,
  labels: readonly string[],
  rule: (label: string) => string[],
): FieldError[] {
  const label = labels.find((each) => rule(each).length > 0);
  if (label === undefined) return [];
  return rule(label).map((message) => invalidValue(at, whole, `validating label ${JSON.stringify(label)}: ${message}`));
}
