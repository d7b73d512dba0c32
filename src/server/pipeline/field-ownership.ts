import {
  apiVersionOf,
  type FieldError,
  type FieldOwnershipOptions,
  forbiddenField,
  invalid,
  type KubeObject,
  notSupported,
  type ObjectMeta,
  required,
  resolveBuiltIn,
  rootPath,
  updateManagedFields,
  type Verb,
  validateFieldManager,
} from "../../api/index.ts";
import { type Draft, timestamp } from "../../lib/index.ts";
import type { ObjectRequest } from "./context.ts";
import type { Form } from "./form.ts";

/** Who writes: as the request says, or what the user is called. */
function managerOf({ options, user }: ObjectRequest): string {
  return options.fieldManager ?? user.name.replace(/^system:/, "").slice(0, 128);
}

/** What managedFields need to know of a write in this form. */
export function ownershipOptions(request: ObjectRequest, form: Form): FieldOwnershipOptions {
  const { subresource, definition, context } = request;
  return {
    manager: managerOf(request),
    apiVersion: apiVersionOf(definition),
    ...(subresource === "" ? {} : { subresource }),
    nowTimestamp: timestamp(context.clock.now()),
    schema: definition.schema,
    resolve: resolveBuiltIn,
    resetFields: form.keeps,
  };
}

/** Records in the metadata of `next` who owns what it changed of `old`. */
export function recordOwnership(
  request: ObjectRequest,
  form: Form,
  next: Draft<KubeObject>,
  old: KubeObject | undefined,
): void {
  const entries = updateManagedFields(old, next, ownershipOptions(request, form));
  // Lists of managers are replaced and never changed.
  if (entries) next.metadata.managedFields = entries as Draft<ObjectMeta>["managedFields"] & object;
  else delete next.metadata.managedFields;
}

const optionsKinds: Partial<Record<Verb, string>> = {
  create: "CreateOptions",
  update: "UpdateOptions",
  patch: "PatchOptions",
};

/** Checks what a write's options say of its manager. Throws 422. */
export function checkWriteOptions({ options, patchType }: ObjectRequest, verb: Verb): void {
  const errors: FieldError[] = [];
  const at = rootPath.child("fieldManager");
  if (options.fieldManager) errors.push(...validateFieldManager(at, options.fieldManager));
  const applies = patchType === "application/apply-patch+yaml";
  if (verb === "patch" && applies && !options.fieldManager) errors.push(required(at, "is required for apply patch"));
  if (verb === "patch" && !applies && options.force !== undefined)
    errors.push(forbiddenField(rootPath.child("force"), "may not be specified for non-apply patch"));
  const { fieldValidation } = options;
  if (fieldValidation !== undefined && !["Ignore", "Warn", "Strict"].includes(fieldValidation))
    errors.push(notSupported(rootPath.child("fieldValidation"), fieldValidation, ["Ignore", "Warn", "Strict"]));
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: optionsKinds[verb] ?? "" }, "", errors);
}
