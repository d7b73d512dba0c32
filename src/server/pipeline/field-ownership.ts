import {
  apiVersionOf,
  emptyObject,
  type FieldError,
  type FieldOwnershipOptions,
  forbiddenField,
  invalid,
  type KubeObject,
  type ManagedFieldsEntry,
  notSupported,
  type ObjectMeta,
  type OtherVersion,
  parseApiVersion,
  type ResourceDefinition,
  required,
  rootPath,
  updateManagedFields,
  type Verb,
  validateFieldManager,
} from "../../api/index.ts";
import { append, type Draft, shared, timestamp } from "../../lib/index.ts";
import type { ObjectRequest, PipelineContext } from "./context.ts";
import type { Form } from "./form.ts";

/** Who writes: as the request says, or what the user is called. */
function managerOf({ options, user }: ObjectRequest): string {
  return options.fieldManager ?? user.name.replace(/^system:/, "").slice(0, 128);
}

/** What managedFields need to know of a write in this form. */
export function ownershipOptions(request: ObjectRequest, form: Form): FieldOwnershipOptions {
  const { subresource, context, definition } = request;
  return {
    manager: managerOf(request),
    apiVersion: apiVersionOf(form),
    ...(subresource === "" ? {} : { subresource }),
    nowTimestamp: timestamp(context.clock.now()),
    schema: form.schema,
    empty: emptyObject(form.schemaName),
    resetFields: form.resetFields,
    // A form of another kind has one version.
    ...(form.replicas ? {} : { inVersion: (apiVersion) => otherVersion(context, definition, apiVersion) }),
  };
}

/** A kind in another of its versions that is served; undefined when there is none such. */
function otherVersion(
  { registry }: PipelineContext,
  definition: ResourceDefinition,
  apiVersion: string,
): OtherVersion | undefined {
  const { group, version } = parseApiVersion(apiVersion);
  const other = registry.find(group, version, definition.plural);
  if (!other || !sharesStore(definition, other)) return undefined;
  return {
    schema: other.schema,
    from: (object) => fromStored(other, toStored(definition, object)),
    back: (object) => fromStored(definition, toStored(other, object)),
  };
}

function sharesStore(a: ResourceDefinition, b: ResourceDefinition): boolean {
  const storedAs = ({ stored, ...own }: ResourceDefinition) => stored?.definition() ?? own;
  const [left, right] = [storedAs(a), storedAs(b)];
  return left.group === right.group && left.plural === right.plural;
}

// Where a webhook converts, fields are taken for the same in all versions: a write does not ask it once more for each.

function toStored({ stored }: ResourceDefinition, object: KubeObject): KubeObject {
  return stored && !stored.remote ? stored.toStored(object) : object;
}

function fromStored({ stored }: ResourceDefinition, object: KubeObject): KubeObject {
  return stored && !stored.remote ? stored.fromStored(object) : object;
}

/** Records in the metadata of `next` who owns what it changed of `old`. */
export function recordOwnership(
  request: ObjectRequest,
  form: Form,
  next: Draft<KubeObject>,
  old: KubeObject | undefined,
): void {
  // What is the same object need not be compared.
  setManagedFields(next, updateManagedFields(old, shared(next as KubeObject, old), ownershipOptions(request, form)));
}

/** Sets the managers; lists of managers are replaced and never changed. */
export function setManagedFields(
  { metadata }: { readonly metadata: Draft<ObjectMeta> },
  entries: readonly ManagedFieldsEntry[] | undefined,
): void {
  if (entries)
    metadata.managedFields = entries as Draft<ObjectMeta>["managedFields"] & object; // as said above
  else delete metadata.managedFields;
}

const optionsKinds: Partial<Record<Verb, string>> = {
  create: "CreateOptions",
  update: "UpdateOptions",
  patch: "PatchOptions",
  delete: "DeleteOptions",
  deletecollection: "DeleteOptions",
};

/** Checks the options of a write; those of a deletion's body are checked where they are read. Throws 422. */
export function checkWriteOptions(request: ObjectRequest, verb: Verb): void {
  const { options } = request;
  const isDeletion = verb === "delete" || verb === "deletecollection";
  const errors = isDeletion ? [] : managerErrors(request, verb);
  const { dryRun, fieldValidation } = options;
  if (dryRun !== undefined && dryRun !== "All") errors.push(notSupported(rootPath.child("dryRun"), [dryRun], ["All"]));
  if (!isDeletion && fieldValidation !== undefined && !fieldValidations.includes(fieldValidation))
    errors.push(notSupported(rootPath.child("fieldValidation"), fieldValidation, fieldValidations));
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: optionsKinds[verb] ?? "" }, "", errors);
}

const fieldValidations: readonly string[] = ["Ignore", "Warn", "Strict"];

function managerErrors({ options, patchType }: ObjectRequest, verb: Verb): FieldError[] {
  const errors: FieldError[] = [];
  const at = rootPath.child("fieldManager");
  const applies = patchType === "application/apply-patch+yaml";
  if (verb === "patch" && applies && !options.fieldManager) errors.push(required(at, "is required for apply patch"));
  if (verb === "patch" && !applies && options.force !== undefined)
    errors.push(forbiddenField(rootPath.child("force"), "may not be specified for non-apply patch"));
  if (options.fieldManager) append(errors, validateFieldManager(at, options.fieldManager));
  return errors;
}
