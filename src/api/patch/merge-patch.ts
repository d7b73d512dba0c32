// JSON merge patch (RFC 7386).
import { badRequest } from "../meta/index.ts";
import { isObject, jsonType } from "../schema/index.ts";

/**
 * What the patch makes of the document: null removes, objects merge, anything else replaces. Neither is changed; the
 * result may share parts with the document. Throws a 400 when the patch is no object.
 */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isObject(patch))
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${jsonType(patch)} into Go value of type map[string]interface {}`,
    );
  return merge(document, patch);
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return Array.isArray(patch) ? patch.map(withoutNulls) : patch;
  const result = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) result.delete(key);
    else result.set(key, merge(result.get(key), value));
  }
  // fromEntries takes "__proto__" for a name like any other.
  return Object.fromEntries(result);
}

/** Nulls remove, also where there is nothing to remove; in a list alone they are values. */
function withoutNulls(value: unknown): unknown {
  return isObject(value) ? merge(undefined, value) : Array.isArray(value) ? value.map(withoutNulls) : value;
}
