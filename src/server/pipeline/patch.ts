import { badRequest, type KubeObject, unsupportedMediaType } from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import type { ObjectRequest } from "./context.ts";
import { decodePatchResult } from "./decode.ts";
import type { Form } from "./form.ts";

/** The object that the request's patch makes of `shown`. */
export function patchBody(request: ObjectRequest, form: Form, shown: KubeObject | undefined): Draft<KubeObject> {
  if (shown === undefined) throw badRequest("nothing to patch");
  switch (request.patchType) {
    case "application/merge-patch+json":
      return decodePatchResult(request, form, mergePatch(shown, request.body));
    default:
      throw unsupportedMediaType(`the patch type ${request.patchType} is not supported`);
  }
}

/** RFC 7396. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = typeof target === "object" && target !== null ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}
