// The scale subresource of custom resources, by the paths of their CRD:
// k8s.io/apiextensions-apiserver/pkg/registry/customresource, etcd.go and validator.go.
import type { Draft } from "../../lib/index.ts";
import { type FieldError, internalError } from "../meta/api-error.ts";
import { invalidValue, type Path } from "../meta/field-error.ts";
import type { KubeObject, ScaleMapping } from "../resource.ts";
import { isObject } from "../schema/json-value.ts";
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
  const selector = labelSelectorPath ? valueAt(object, labelSelectorPath) : undefined;
  return [
    ...validateReplicas(object, specReplicasPath, at),
    ...validateReplicas(object, statusReplicasPath, at),
    ...(labelSelectorPath && selector !== undefined && typeof selector !== "string"
      ? [
          invalidValue(
            at.child(labelSelectorPath),
            selector,
            `${labelSelectorPath} accessor error: ${JSON.stringify(selector)} is not of the type string`,
          ),
        ]
      : []),
  ];
}

function validateReplicas(object: KubeObject, path: string, at: Path): FieldError[] {
  const replicas = valueAt(object, path);
  if (typeof replicas !== "number") return []; // the schema says what is wrong with it
  const bad = (detail: string) => [invalidValue(at.child(path), replicas, detail)];
  if (replicas < 0) return bad("should be a non-negative integer");
  return replicas > replicasMax ? bad(`should be less than or equal to ${replicasMax}`) : [];
}
