// Defaults must be what an object may hold: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go.
import { eachEntry } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path } from "../meta/field-error.ts";
import { copyJson } from "../schema/decoder.ts";
import { validateListTypes } from "../schema/list-type-validation.ts";
import { pruneUnknownFields } from "../schema/structural.ts";
import { validateSchema } from "../schema/structural-validation.ts";
import type { JSONSchemaProps } from "../types.generated.ts";
import { ruleEvaluation } from "./rule-evaluation.ts";
import { asSchema, isGiven, itemsOf } from "./schema-parts.ts";

/** The schema must be structural. Defaults below additionalProperties are forbidden where they would be ambiguous. */
export function validateDefaults(schema: JSONSchemaProps, at: Path): FieldError[] {
  const items = itemsOf(schema);
  return [
    ...(isGiven(schema.default) ? validateDefault(schema, at.child("default")) : []),
    ...(items ? validateDefaults(items, at.child("items")) : []),
    ...eachEntry(at.child("properties"), schema.properties, (_, property, place) => validateDefaults(property, place)),
  ];
}

function validateDefault(schema: JSONSchemaProps, at: Path): FieldError[] {
  const value = schema.default;
  const isObject = schema["x-kubernetes-embedded-resource"] === true;
  const unknown = pruneUnknownFields(copyJson(value), asSchema(schema), { isObject });
  const errors = unknown.length > 0 ? [invalidValue(at, value, "must not have unknown fields")] : [];
  return [
    ...errors,
    ...validateSchema(at, value, asSchema(schema)),
    ...validateListTypes(at, value, asSchema(schema)),
    ...(ruleEvaluation(schema, false)?.(at, value, undefined) ?? []),
  ];
}
