import {
  badRequest,
  type DeleteOptions,
  decodeBuiltIn,
  type FieldError,
  invalid,
  invalidValue,
  notSupported,
  rootPath,
} from "../../api/index.ts";
import type { ObjectRequest } from "./context.ts";

export type Propagation = "Orphan" | "Background" | "Foreground";
const propagations = ["Foreground", "Background", "Orphan"];

/** The DeleteOptions of the body, checked. Throws 400 when the body is something else and 422 when the options clash. */
export function deleteOptions({ body }: Pick<ObjectRequest, "body">): DeleteOptions {
  if (body === undefined || body === null) return {};
  const options: DeleteOptions = decodeBuiltIn("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions", body);
  if (options.kind && options.kind !== "DeleteOptions")
    throw badRequest(`${options.kind} cannot be handled as a DeleteOptions`);
  const errors = validate(options);
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", errors);
  return options;
}

function validate(options: DeleteOptions): FieldError[] {
  const errors: FieldError[] = [];
  const { orphanDependents, propagationPolicy, dryRun = [] } = options;
  if (orphanDependents !== undefined && propagationPolicy !== undefined) {
    const at = rootPath.child("propagationPolicy");
    errors.push(invalidValue(at, propagationPolicy, "orphanDependents and deletionPropagation cannot be both set"));
  }
  if (propagationPolicy !== undefined && !propagations.includes(propagationPolicy))
    errors.push(notSupported(rootPath.child("propagationPolicy"), propagationPolicy, [...propagations, "nil"]));
  if (dryRun.some((each) => each !== "All")) errors.push(notSupported(rootPath.child("dryRun"), dryRun, ["All"]));
  return errors;
}

/** What is to become of the dependents; undefined when the client does not say. */
export function propagationOf(options: DeleteOptions): Propagation | undefined {
  if (options.orphanDependents !== undefined) return options.orphanDependents ? "Orphan" : "Background";
  return options.propagationPolicy as Propagation | undefined; // validated above
}
