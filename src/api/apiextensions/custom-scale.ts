// The scale subresource of custom resources, by the paths of their CRD:
// k8s.io/apiextensions-apiserver/pkg/registry/customresource, etcd.go and validator.go.
import type { Draft, Int64 } from "../../lib/index.ts";
import { type FieldError, internalError } from "../meta/api-error.ts";
import { invalidValue, type Path } from "../meta/field-error.ts";
import type { KubeObject, ScaleMapping } from "../resource.ts";
import { goText, isObject } from "../schema/json-value.ts";
import type { CustomResourceSubresourceScale } from "../types.generated.ts";

const replicasMax = 2 ** 31 - 1;

/** The fields that a path without brackets names: `.spec.replicas`. */
function fieldsOf(path: string): readonly string[] {
  return path.replace(/^\./, "").split(".");
}

function valueAt(object: object, path: string): unknown {
  let value: unknown = object;
  for (const field of fieldsOf(path)) {
    if (!isObject(value) || !Object.hasOwn(value, field)) return undefined;
    value = value[field];
  }
  return value;
}

export function customScale(scale: CustomResourceSubresourceScale): ScaleMapping<KubeObject> {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  const numberAt = (object: object, path: string) => {
    const value = valueAt(object, path);
    return typeof value === "number" ? value : undefined;
  };
  return {
    specReplicas(object) {
      const replicas = numberAt(object, specReplicasPath);
      if (replicas === undefined)
        throw internalError(new Error(`the spec replicas field ${JSON.stringify(specReplicasPath)} does not exist`));
      return replicas;
    },
    statusReplicas: (object) => numberAt(object, statusReplicasPath) ?? 0,
    withReplicas: (draft, replicas) => setAt(draft, fieldsOf(specReplicasPath), replicas),
    labelSelectorOf(object) {
      const selector = labelSelectorPath ? valueAt(object, labelSelectorPath) : undefined;
      return typeof selector === "string" ? selector : "";
    },
    specReplicasPath: fieldsOf(specReplicasPath),
  };
}

function setAt(draft: Draft<KubeObject>, path: readonly string[], value: unknown): void {
  let into = draft as unknown as Record<string, unknown>; // which fields there are is the schema's knowledge
  for (const field of path.slice(0, -1)) {
    const below = into[field];
    const next = isObject(below) ? { ...below } : {};
    into[field] = next;
    into = next;
  }
  into[path.at(-1) ?? ""] = value;
}

/** What is wrong with the values at the paths of the scale. */
export function validateCustomScale(scale: CustomResourceSubresourceScale, object: KubeObject, at: Path): FieldError[] {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  return [
    ...validateReplicas(object, specReplicasPath, at),
    ...validateReplicas(object, statusReplicasPath, at),
    ...(labelSelectorPath ? validateSelector(object, labelSelectorPath, at) : []),
  ];
}

function validateReplicas(object: KubeObject, path: string, at: Path): FieldError[] {
  const { value, error } = accessed(object, path, "int64", isInt64);
  const bad = (shown: unknown, detail: string) => [invalidValue(at.child(path), shown, detail)];
  if (error !== undefined) return bad(0, error);
  if (value === undefined) return [];
  if (value < 0) return bad(value, "should be a non-negative integer");
  return value > replicasMax ? bad(value, `should be less than or equal to ${replicasMax}`) : [];
}

function validateSelector(object: KubeObject, path: string, at: Path): FieldError[] {
  const { error } = accessed(object, path, "string", (value) => typeof value === "string");
  return error === undefined ? [] : [invalidValue(at.child(path), "", error)];
}

function isInt64(value: unknown): value is Int64 {
  return typeof value === "bigint" || Number.isInteger(value);
}

/** The value at a path, or why there is none of the type, in the words of unstructured's accessors. */
function accessed<T>(
  object: object,
  path: string,
  type: string,
  isOfType: (value: unknown) => value is T,
): { readonly value?: T; readonly error?: string } {
  const fields = fieldsOf(path);
  let value: unknown = object;
  for (const [index, field] of fields.entries()) {
    if (value === null) return {};
    if (!isObject(value)) return { error: accessorError(fields.slice(0, index + 1), value, "map[string]interface{}") };
    if (!Object.hasOwn(value, field)) return {};
    value = value[field];
  }
  return isOfType(value) ? { value } : { error: accessorError(fields, value, type) };
}

function accessorError(fields: readonly string[], value: unknown, expected: string): string {
  return `.${fields.join(".")} accessor error: ${goText(value)} is of the type ${goTypeOf(value)}, expected ${expected}`;
}

/** The Go type of a value of JSON that nothing is known about. */
function goTypeOf(value: unknown): string {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return "[]interface {}";
  if (isObject(value)) return "map[string]interface {}";
  if (typeof value === "bigint") return "int64";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  return typeof value === "boolean" ? "bool" : "string";
}
