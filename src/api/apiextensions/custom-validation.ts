// What is wrong with a custom resource by the schema of its version:
// k8s.io/apiextensions-apiserver/pkg/registry/customresource/strategy.go.
import type { FieldError } from "../meta/api-error.ts";
import type { Path } from "../meta/field-error.ts";
import type { KubeObject } from "../resource.ts";
import type { Schema } from "../schema/schema.ts";
import { validateSchema } from "../schema/structural-validation.ts";
import type { CustomResourceDefinitionVersion } from "../types.generated.ts";
import { validateCustomScale } from "./custom-scale.ts";

/** `old` is what an update changes. */
export type CustomValidation = (object: KubeObject, old: KubeObject | undefined, at: Path) => readonly FieldError[];

export function customValidation({ subresources }: CustomResourceDefinitionVersion, schema: Schema): CustomValidation {
  const scale = subresources?.scale;
  return (object, _old, at) => [
    ...validateSchema(at, object, schema),
    ...(scale ? validateCustomScale(scale, object, at) : []),
  ];
}
