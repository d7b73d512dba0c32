// JSON merge patch (RFC 7386).
import { badRequest } from "../meta/index.ts";
import { copyJson } from "../schema/index.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * What the patch makes of the document: null removes, objects merge, anything else replaces. Neither is changed; the
 * result may share parts with the document. Throws a 400 when the patch is no object.
 */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isObject(patch)) {
    const type = Array.isArray(patch) ? "array" : typeof patch === "boolean" ? "bool" : typeof patch;
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${type} into Go value of type map[string]interface {}`,
    );
  }
  return merge(document, patch);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return copyJson(patch);
  const result = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) result.delete(key);
    else result.set(key, merge(result.get(key), value));
  }
  // fromEntries takes "__proto__" for a name like any other.
  return Object.fromEntries(result);
}
