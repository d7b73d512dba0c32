import {
  type FieldError,
  forbiddenField,
  invalid,
  notSupported,
  type RequestOptions,
  rootPath,
} from "../../api/index.ts";

/** Checks the options of list and watch against each other, as ValidateListOptions of apimachinery. Throws 422. */
export function checkListOptions(options: RequestOptions, isWatch: boolean): void {
  const errors = isWatch ? watchErrors(options) : listErrors(options);
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", errors);
}

const matchPath = rootPath.child("resourceVersionMatch");
const initialEventsPath = rootPath.child("sendInitialEvents");

function listErrors(options: RequestOptions): FieldError[] {
  const errors: FieldError[] = [];
  if (options.sendInitialEvents !== undefined)
    errors.push(forbiddenField(initialEventsPath, "sendInitialEvents is forbidden for list"));
  const match = options.resourceVersionMatch;
  if (match === undefined) return errors;
  if (!options.resourceVersion)
    errors.push(forbiddenField(matchPath, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
  if (options.continue)
    errors.push(forbiddenField(matchPath, "resourceVersionMatch is forbidden when continue is provided"));
  if (match !== "Exact" && match !== "NotOlderThan")
    errors.push(notSupported(matchPath, match, ["Exact", "NotOlderThan", ""]));
  if (match === "Exact" && options.resourceVersion === "0")
    errors.push(forbiddenField(matchPath, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  return errors;
}

function watchErrors(options: RequestOptions): FieldError[] {
  const { sendInitialEvents, resourceVersionMatch: match } = options;
  const errors: FieldError[] = [];
  if (sendInitialEvents !== undefined && match !== "NotOlderThan")
    errors.push(forbiddenField(matchPath, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  if (match === undefined) return errors;
  if (sendInitialEvents === undefined)
    errors.push(
      forbiddenField(matchPath, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"),
    );
  if (match !== "NotOlderThan") errors.push(notSupported(matchPath, match, ["NotOlderThan"]));
  if (options.continue)
    errors.push(forbiddenField(matchPath, "resourceVersionMatch is forbidden when continue is provided"));
  return errors;
}
