// What MutatingAdmissionPolicies answer with: JSON patches, and objects to apply.
// https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
import { type Definition, define } from "../functions.ts";
import { FieldValues, toJson } from "../json-values.ts";
import { dynType, type ObjectType, objectType, stringType } from "../types.ts";
import { EvaluationError, List, MapValue, Optional, StructValue, type Value } from "../values.ts";

/** `JSONPatch{op: "replace", path: "/spec/replicas", value: 1}`. */
export const jsonPatchType = objectType("JSONPatch", {
  op: stringType,
  path: stringType,
  from: stringType,
  value: dynType,
});

/** `Object`, `Object.spec`, `Object.spec.template`: named by the path, with fields of which nothing is known. */
export function patchObjectType(name: string): ObjectType | undefined {
  if (name !== "Object" && !name.startsWith("Object.")) return undefined;
  return { kind: "object", name, fields: new Map(), isOpen: true };
}

export const jsonPatchFunctions: readonly Definition[] = [
  define("jsonpatch.escapeKey", "string_jsonpatch_escapeKey_string", [stringType], stringType, (key: string) =>
    key.replaceAll("~", "~0").replaceAll("/", "~1"),
  ),
];

/** The JSON of an `Object{…}`. Throws EvaluationError where an object within it is named for another path. */
export function patchObject(value: Value): unknown {
  checkNames(value, "Object");
  return toJson(value);
}

function checkNames(value: Value, path: string): void {
  if (value instanceof Optional) {
    if (value.value !== undefined) checkNames(value.value, path);
  } else if (value instanceof List) for (const item of value) checkNames(item, path);
  else if (value instanceof MapValue) {
    if (value instanceof FieldValues && value.typeName !== path)
      throw new EvaluationError(
        `unexpected type name ${JSON.stringify(value.typeName)}, expected ${JSON.stringify(path)}, which matches field name path from root Object type`,
      );
    for (const key of value.keys()) {
      const inner = value.get(key);
      if (inner !== undefined && typeof key === "string")
        checkNames(inner, value instanceof StructValue ? `${path}.${key}` : path);
    }
  }
}
