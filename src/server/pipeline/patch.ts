import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  badRequest,
  type KubeObject,
  notFound,
  resolveBuiltIn,
  serverSideApply,
  unsupportedMediaType,
} from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import type { ObjectRequest } from "./context.ts";
import { decodePatchResult } from "./decode.ts";
import { ownershipOptions, setManagedFields } from "./field-ownership.ts";
import type { Form } from "./form.ts";
import { isBuiltIn } from "./kind-rules.ts";

/** The object that the request's patch makes of `shown`. */
export function patchBody(request: ObjectRequest, form: Form, shown: KubeObject | undefined): Draft<KubeObject> {
  if (request.patchType === "application/apply-patch+yaml") return apply(request, form, shown);
  if (!shown) throw notFound(request.definition, request.name);
  return decodePatchResult(request, form, patched(request, form, shown));
}

function apply(request: ObjectRequest, form: Form, live: KubeObject | undefined): Draft<KubeObject> {
  const { body: applied, options } = request;
  const ownership = { ...ownershipOptions(request, form), kind: form.kind };
  const { object, managedFields } = serverSideApply({ ...ownership, live, applied, force: options.force === true });
  const draft = decodePatchResult(request, form, object);
  setManagedFields(draft, managedFields);
  return draft;
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
