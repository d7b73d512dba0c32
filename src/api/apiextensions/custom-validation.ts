// What is wrong with a custom resource by the schema of its version:
// k8s.io/apiextensions-apiserver/pkg/registry/customresource/strategy.go.
import type { FieldError } from "../meta/api-error.ts";
import type { Path } from "../meta/field-error.ts";
import type { KubeObject } from "../resource.ts";
import { validateEmbeddedResources } from "../schema/embedded-resources.ts";
import { validateListTypes } from "../schema/list-type-validation.ts";
import type { Schema } from "../schema/schema.ts";
import { validateSchema } from "../schema/structural-validation.ts";
import type { CustomResourceDefinitionVersion } from "../types.generated.ts";
import { validateCustomScale } from "./custom-scale.ts";

/** `old` is what an update changes. */
export type CustomValidation = (object: KubeObject, old: KubeObject | undefined, at: Path) => readonly FieldError[];

export function customValidation({ subresources }: CustomResourceDefinitionVersion, schema: Schema): CustomValidation {
  const scale = subresources?.scale;
  return (object, old, at) => [
    ...validateSchema(at, object, schema, old && { value: old }),
    ...(scale ? validateCustomScale(scale, object, at) : []),
    ...validateEmbeddedResources(at, object, schema),
    ...newListTypeErrors(at, object, old, schema),
  ];
}

/** Lists that held something twice may go on doing so. */
function newListTypeErrors(at: Path, object: KubeObject, old: KubeObject | undefined, schema: Schema): FieldError[] {
  const errors = validateListTypes(at, object, schema);
  return errors.length > 0 && old && validateListTypes(at, old, schema).length > 0 ? [] : errors;
}
