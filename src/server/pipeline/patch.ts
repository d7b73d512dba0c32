import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  badRequest,
  isObject,
  type KubeObject,
  notFound,
  type ObjectMeta,
  resolveBuiltIn,
  serverSideApply,
  unsupportedMediaType,
} from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import { type ObjectRequest, warn } from "./context.ts";
import { decodePatchResult } from "./decode.ts";
import { ownershipOptions, setManagedFields } from "./field-ownership.ts";
import type { Form } from "./form.ts";
import { isBuiltIn } from "./kind-rules.ts";

/** The object that the request's patch makes of `shown`. */
export function patchBody(request: ObjectRequest, form: Form, shown: KubeObject | undefined): Draft<KubeObject> {
  if (request.patchType === "application/apply-patch+yaml") return apply(request, form, shown);
  if (!shown) throw notFound(request.definition, request.name);
  return changed(request, form, shown);
}

function apply(request: ObjectRequest, form: Form, live: KubeObject | undefined): Draft<KubeObject> {
  const { body: applied, options } = request;
  const ownership = { ...ownershipOptions(request, form), kind: form.kind };
  const { object, managedFields } = serverSideApply({ ...ownership, live, applied, force: options.force === true });
  tellDuplicates(request);
  const draft = decodePatchResult(request, form, object);
  setManagedFields(draft, managedFields);
  return draft;
}

/** What stands twice in a configuration is a 400, a warning or nothing, as the client chooses. */
function tellDuplicates(request: ObjectRequest): void {
  const { duplicateFields, options } = request;
  if (duplicateFields.length === 0 || options.fieldValidation === "Ignore") return;
  const why = `error converting YAML to JSON: ${duplicateFields.join(", ")}`;
  if (options.fieldValidation === "Strict") throw badRequest(`error strict decoding YAML: ${why}`);
  warn(request, why);
}

/**
 * The object that a patch makes. Its managers are set aside meanwhile where the patch says nothing of them: they are
 * half of an object, and need no decoding.
 */
function changed(request: ObjectRequest, form: Form, shown: KubeObject): Draft<KubeObject> {
  const { managedFields, ...metadata } = shown.metadata;
  if (!managedFields || namesManagers(request)) return decodePatchResult(request, form, patched(request, form, shown));
  const draft = decodePatchResult(request, form, patched(request, form, { ...shown, metadata }));
  draft.metadata.managedFields = managedFields as Draft<ObjectMeta>["managedFields"] & object; // replaced, never changed
  return draft;
}

/** Whether a patch may read or write metadata.managedFields, or the whole that they are a part of. */
function namesManagers({ body, patchType }: ObjectRequest): boolean {
  if (patchType === "application/json-patch+json")
    return !Array.isArray(body) || body.some((each: unknown) => isObject(each) && pointers(each).some(leadsToManagers));
  const metadata = isObject(body) ? body.metadata : undefined;
  return (
    isObject(body) &&
    (Object.hasOwn(body, "$patch") || (isObject(metadata) ? hasDirective(metadata) : metadata === null))
  );
}

function hasDirective(metadata: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(metadata).some((name) => name.includes("managedFields") || name.startsWith("$"));
}

const pointers = ({ path, from }: Readonly<Record<string, unknown>>) => [path, from];

function leadsToManagers(pointer: unknown): boolean {
  return (
    pointer === "" ||
    pointer === "/metadata" ||
    (typeof pointer === "string" && pointer.startsWith("/metadata/managed"))
  );
}

function patched(request: ObjectRequest, form: Form, shown: KubeObject): unknown {
  const { body, patchType } = request;
  switch (patchType) {
    case "application/json-patch+json":
      return applyJsonPatch(shown, body);
    case "application/merge-patch+json":
      return applyMergePatch(shown, body);
    case "application/strategic-merge-patch+json":
      if (!isBuiltIn(request.definition))
        throw unsupportedMediaType(
          "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        );
      return applyStrategicMergePatch(shown, body, form.schema, resolveBuiltIn);
    default:
      throw badRequest(`a patch needs a type; ${patchType ?? "none"} is not one`);
  }
}
