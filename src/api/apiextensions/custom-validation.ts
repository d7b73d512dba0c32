// What is wrong with a custom resource by the schema of its version:
// k8s.io/apiextensions-apiserver/pkg/registry/customresource/strategy.go.
import type { FieldError, FieldErrorType } from "../meta/api-error.ts";
import type { Path } from "../meta/field-error.ts";
import type { KubeObject } from "../resource.ts";
import { validateEmbeddedResources } from "../schema/embedded-resources.ts";
import { validateListTypes } from "../schema/list-type-validation.ts";
import type { Schema } from "../schema/schema.ts";
import { validateSchema } from "../schema/structural-validation.ts";
import type { CustomResourceDefinitionVersion } from "../types.generated.ts";
import { validateCustomScale } from "./custom-scale.ts";
import { ruleEvaluation } from "./rule-evaluation.ts";

/** `old` is what an update changes. */
export type CustomValidation = (object: KubeObject, old: KubeObject | undefined, at: Path) => readonly FieldError[];

export function customValidation(version: CustomResourceDefinitionVersion, schema: Schema): CustomValidation {
  const scale = version.subresources?.scale;
  const rules = lazily(() => version.schema?.openAPIV3Schema && ruleEvaluation(version.schema.openAPIV3Schema));
  return (object, old, at) => {
    const errors = [
      ...validateSchema(at, object, schema, old && { value: old }),
      ...(scale ? validateCustomScale(scale, object, at) : []),
      ...validateEmbeddedResources(at, object, schema),
      ...newListTypeErrors(at, object, old, schema),
    ];
    const evaluate = rules();
    if (!evaluate) return errors;
    // Rules may rely on what the schema says.
    if (errors.some(({ type }) => blocking.has(type))) return [...errors, uncheckedRules];
    return [...errors, ...evaluate(at, object, old)];
  };
}

const blocking: ReadonlySet<FieldErrorType> = new Set([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);

/** It is about no field and no value. */
const uncheckedRules: FieldError = {
  type: "FieldValueInvalid",
  field: "<nil>",
  value: null,
  detail:
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
};

/** Rules are compiled when the first object comes: many kinds never see one. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Lists that held something twice may go on doing so. */
function newListTypeErrors(at: Path, object: KubeObject, old: KubeObject | undefined, schema: Schema): FieldError[] {
  const errors = validateListTypes(at, object, schema);
  return errors.length > 0 && old && validateListTypes(at, old, schema).length > 0 ? [] : errors;
}
