import type { KubeObject, ResourceDefinition } from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import type { AdmissionRequest } from "./admission.ts";

/** Whether the request is about objects of this kind, in whatever version; about the whole object, not a subresource. */
export function isAbout<T extends KubeObject>(request: AdmissionRequest, definition: ResourceDefinition<T>): boolean {
  const { group, plural } = request.definition;
  return group === definition.group && plural === definition.plural && request.subresource === "";
}

/** The object that will be written, when the request creates (or also updates) one of this kind. */
export function written<T extends KubeObject>(
  request: AdmissionRequest,
  definition: ResourceDefinition<T>,
  ...operations: readonly AdmissionRequest["operation"][]
): Draft<T> | undefined {
  if (!isAbout(request, definition) || !operations.includes(request.operation)) return undefined;
  // The pipeline decoded it by the definition that the request names.
  return request.object as Draft<T> | undefined;
}
