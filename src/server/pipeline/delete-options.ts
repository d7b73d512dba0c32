import {
  badRequest,
  type DeleteOptions,
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
  if (typeof body !== "object" || Array.isArray(body))
    throw badRequest("the object provided is unrecognized (must be of type DeleteOptions)");
  const options = body as DeleteOptions; // a JSON object; what is used of it is checked below
  if (options.kind !== undefined && options.kind !== "DeleteOptions")
    throw badRequest(`${options.kind} cannot be handled as a DeleteOptions`);
  const errors = validate(options);
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", errors);
  return options;
}

function validate(options: DeleteOptions): FieldError[] {
  const errors: FieldError[] = [];
  const { orphanDependents, propagationPolicy, dryRun = [], gracePeriodSeconds } = options;
  if (orphanDependents !== undefined && propagationPolicy !== undefined) {
    const at = rootPath.child("propagationPolicy");
    errors.push(invalidValue(at, propagationPolicy, "orphanDependents and deletionPropagation cannot be both set"));
  }
  if (propagationPolicy !== undefined && !propagations.includes(propagationPolicy))
    errors.push(notSupported(rootPath.child("propagationPolicy"), propagationPolicy, [...propagations, "nil"]));
  if (!Array.isArray(dryRun) || dryRun.some((each) => each !== "All"))
    errors.push(notSupported(rootPath.child("dryRun"), dryRun, ["All"]));
  if (gracePeriodSeconds !== undefined && !Number.isInteger(gracePeriodSeconds))
    throw badRequest("gracePeriodSeconds must be an integer");
  return errors;
}

/** What is to become of the dependents; undefined when the client does not say. */
export function propagationOf(options: DeleteOptions): Propagation | undefined {
  if (options.orphanDependents !== undefined) return options.orphanDependents ? "Orphan" : "Background";
  return options.propagationPolicy as Propagation | undefined; // validated above
}
