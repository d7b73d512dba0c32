import {
  type DecodableKind,
  type DecodedObject,
  decodeObject,
  decodePatched,
  goText,
  isObject,
  type KubeObject,
} from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import { type ObjectRequest, warn } from "./context.ts";

/** The request's body as an object of the kind with its defaults; a new one each time. Throws 400 when it is something else. */
export function decodeBody(request: ObjectRequest, kind: DecodableKind): Draft<KubeObject> {
  const { body, options, duplicateFields, sentencesInOrder } = request;
  const decoded = decodeObject(kind, body, options.fieldValidation ?? "Warn", duplicateFields, sentencesInOrder);
  return completed(request, kind, body, decoded);
}

/** What a patch made, as an object of the kind with its defaults. Throws 422 when it is none any more. */
export function decodePatchResult(request: ObjectRequest, kind: DecodableKind, value: unknown): Draft<KubeObject> {
  const { options, patchType, body } = request;
  // For this type Kubernetes shows the patch and not what came of it.
  const shown = patchType === "application/strategic-merge-patch+json" ? () => goText(body) : undefined;
  const decoded = decodePatched(kind, value, options.fieldValidation ?? "Warn", duplicatesOf(request), shown);
  return completed(request, kind, value, decoded);
}

/** What stands twice in a patch and is not known there, as it is told; an apply has told it itself. */
function duplicatesOf({ patchType, duplicateFields, body }: ObjectRequest): readonly string[] {
  if (patchType === "application/apply-patch+yaml") return [];
  return patchType === "application/json-patch+json"
    ? [...unknownInOperations(body), ...duplicateFields].map((sentence) => `json patch ${sentence}`)
    : duplicateFields;
}

const operationFields: readonly string[] = ["op", "path", "from", "value"];

function unknownInOperations(operations: unknown): string[] {
  if (!Array.isArray(operations)) return [];
  return operations.flatMap((operation: unknown, index) =>
    Object.keys(isObject(operation) ? operation : {})
      .filter((name) => !operationFields.includes(name))
      .map((name) => `unknown field "[${index}].${name}"`),
  );
}

function completed(
  request: ObjectRequest,
  kind: DecodableKind,
  value: unknown,
  decoded: DecodedObject,
): Draft<KubeObject> {
  for (const sentence of decoded.warnings) warn(request, sentence);
  const { definition } = request;
  // A subresource of another kind has no defaults of this one.
  if (kind.kind === definition.kind) definition.defaults?.(decoded.object);
  // Empty lists are left out, but this one asks to forget all managers.
  const metadata = isObject(value) ? value.metadata : undefined;
  if (isObject(metadata) && Array.isArray(metadata.managedFields)) decoded.object.metadata.managedFields ??= [];
  return decoded.object;
}
