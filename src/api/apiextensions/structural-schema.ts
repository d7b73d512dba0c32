// Whether a schema is structural: k8s.io/apiextensions-apiserver/pkg/apiserver/schema, validation.go and complete.go.
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
import { EvaluationError, matchesPattern } from "../../cel/index.ts";
import { append, deepEqual } from "../../lib/index.ts";
import { eachEntry, eachItem } from "../field-rules.ts";
import { type FieldError, fieldErrorBody } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, required } from "../meta/field-error.ts";
import type { JSONSchemaProps } from "../types.generated.ts";
import { isGiven, itemsOf, propertyOf } from "./schema-parts.ts";

/** Where a schema stands: what is said of a missing type depends on it. */
type Level = "the root" | "specified array items" | "specified object fields";

export function validateStructural(schema: JSONSchemaProps, at: Path): FieldError[] {
  const errors = [...validateLevel(schema, "the root", at), ...validateJunctors(schema, schema, at, at)];
  const text = (error: FieldError) => `${error.field}: ${fieldErrorBody(error)}`;
  return errors.sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

function validateLevel(schema: JSONSchemaProps, level: Level, at: Path): FieldError[] {
  const { type = "", additionalProperties } = schema;
  const items = itemsOf(schema);
  const errors: FieldError[] = [];
  if (type === "array" && !items) errors.push(required(at.child("items"), "must be specified"));
  if (items) append(errors, validateLevel(items, "specified array items", at.child("items")));
  append(
    errors,
    eachEntry(at.child("properties"), schema.properties, (_, property, place) =>
      validateLevel(property, "specified object fields", place),
    ),
  );
  if (additionalProperties !== undefined) {
    const place = at.child("additionalProperties");
    if (level === "the root") errors.push(forbiddenField(place, "must not be used at the root"));
    if (typeof additionalProperties === "object")
      append(errors, validateLevel(additionalProperties, "specified object fields", place));
  }
  return [
    ...errors,
    ...validateExtensions(schema, at),
    ...validateValues(
      schema,
      { skipsAnyOf: isIntOrString(schema.anyOf), skipsFirstAnyOf: isIntOrString(schema.allOf?.[0]?.anyOf) },
      at,
    ),
    ...validateType(schema, level, at),
    ...validateObjectFields(schema, level, at),
  ];
}

function validateExtensions(schema: JSONSchemaProps, at: Path): FieldError[] {
  if (!schema["x-kubernetes-int-or-string"]) return [];
  return (["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] as const).flatMap((field) =>
    schema[field] ? [invalidValue(at.child(field), true, "must be false if x-kubernetes-int-or-string is true")] : [],
  );
}

function validateType(schema: JSONSchemaProps, level: Level, at: Path): FieldError[] {
  const { type = "", additionalProperties } = schema;
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  const place = at.child("type");
  const errors: FieldError[] = [];
  const mustBeObject = "must be object if x-kubernetes-embedded-resource is true";
  if (isEmbedded && type !== "object")
    errors.push(type === "" ? required(place, mustBeObject) : invalidValue(place, type, mustBeObject));
  else if (type === "" && !schema["x-kubernetes-int-or-string"] && !schema["x-kubernetes-preserve-unknown-fields"])
    errors.push(required(place, `must not be empty ${level === "the root" ? "at" : "for"} ${level}`));
  if (isEmbedded && additionalProperties !== undefined)
    errors.push(
      forbiddenField(at.child("additionalProperties"), "must not be used if x-kubernetes-embedded-resource is set"),
    );
  if (level === "the root" && type !== "" && type !== "object")
    errors.push(invalidValue(place, type, "must be object at the root"));
  return errors;
}

/** What a schema of whole objects may say of the fields that every object has. */
function validateObjectFields(schema: JSONSchemaProps, level: Level, root: Path): FieldError[] {
  const { properties = {} } = schema;
  const at = root.child("properties");
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  const isObject = level === "the root" || isEmbedded;
  const errors: FieldError[] = [];
  const expectType = (field: string, type: string) => {
    const property = properties[field];
    if (isObject && property && property.type !== type)
      errors.push(invalidValue(at.key(field).child("type"), property.type ?? "", `must be ${type}`));
  };
  expectType("kind", "string");
  expectType("apiVersion", "string");
  expectType("metadata", "object");
  if (level === "the root" && properties.metadata && !restrictsOnlyNames(properties.metadata))
    errors.push(
      forbiddenField(
        at.key("metadata"),
        "must not specify anything other than name and generateName, but metadata is implicitly specified",
      ),
    );
  if (isEmbedded && !schema["x-kubernetes-preserve-unknown-fields"] && Object.keys(properties).length === 0)
    errors.push(
      required(
        at,
        "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
      ),
    );
  return errors;
}

function restrictsOnlyNames({
  type: _,
  default: __,
  properties = {},
  externalDocs: ___,
  example: ____,
  ...others
}: JSONSchemaProps) {
  const names = Object.keys(properties);
  return Object.keys(others).length === 0 && names.every((name) => name === "name" || name === "generateName");
}

/** The two forms in which a schema says that a value is a number or a text may name types where others may not. */
function isIntOrString(anyOf: JSONSchemaProps["anyOf"]): boolean {
  return deepEqual(anyOf, [{ type: "integer" }, { type: "string" }]);
}

interface IntOrStringForms {
  readonly skipsAnyOf: boolean;
  readonly skipsFirstAnyOf: boolean;
}

const noForms: IntOrStringForms = { skipsAnyOf: false, skipsFirstAnyOf: false };

/** What restricts values without describing them. */
function validateValues(schema: JSONSchemaProps, { skipsAnyOf, skipsFirstAnyOf }: IntOrStringForms, at: Path) {
  const errors = [
    ...eachItem(at.child("anyOf"), skipsAnyOf ? [] : schema.anyOf, (each, place) =>
      validateNested(each, noForms, place),
    ),
    ...eachItem(at.child("allOf"), schema.allOf, (each, place, index) =>
      validateNested(each, { skipsAnyOf: skipsFirstAnyOf && index === 0, skipsFirstAnyOf: false }, place),
    ),
    ...eachItem(at.child("oneOf"), schema.oneOf, (each, place) => validateNested(each, noForms, place)),
    ...(schema.not ? validateNested(schema.not, noForms, at.child("not")) : []),
  ];
  const wrong = schema.pattern ? whatIsWrongWithPattern(schema.pattern) : undefined;
  if (wrong !== undefined)
    errors.push(
      invalidValue(at.child("pattern"), schema.pattern, `must be a valid regular expression, but isn't: ${wrong}`),
    );
  return errors;
}

function whatIsWrongWithPattern(pattern: string): string | undefined {
  try {
    matchesPattern("", pattern);
    return undefined;
  } catch (error) {
    if (error instanceof EvaluationError) return error.message;
    throw error;
  }
}

const forbiddenWhenNested = {
  type: "must be empty to be structural",
  additionalProperties: "must be undefined to be structural",
  default: "must be undefined to be structural",
  title: "must be empty to be structural",
  description: "must be empty to be structural",
  nullable: "must be false to be structural",
  "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
  "x-kubernetes-embedded-resource": "must be false to be structural",
  "x-kubernetes-int-or-string": "must be false to be structural",
  "x-kubernetes-list-map-keys": "must be empty to be structural",
  "x-kubernetes-list-type": "must be undefined to be structural",
  "x-kubernetes-map-type": "must be undefined to be structural",
  "x-kubernetes-validations": "must be empty to be structural",
} as const satisfies Partial<Record<keyof JSONSchemaProps, string>>;

/** A schema below allOf, anyOf, oneOf or not, which may only restrict what the schema around it describes. */
function validateNested(schema: JSONSchemaProps, forms: IntOrStringForms, at: Path): FieldError[] {
  const items = itemsOf(schema);
  const errors = [
    ...validateValues(schema, forms, at),
    ...(items ? validateNested(items, noForms, at.child("items")) : []),
    ...eachEntry(at.child("properties"), schema.properties, (_, property, place) =>
      validateNested(property, noForms, place),
    ),
  ];
  for (const [field, detail] of Object.entries(forbiddenWhenNested)) {
    const value = schema[field as keyof typeof forbiddenWhenNested]; // the keys of that very object
    const isSet = Array.isArray(value) ? value.length > 0 : isGiven(value) && value !== false && value !== "";
    if (isSet || (field === "additionalProperties" && value === false))
      errors.push(forbiddenField(at.child(field), detail));
  }
  if (schema.properties?.metadata)
    errors.push(forbiddenField(at.child("properties").key("metadata"), "must not be specified in a nested context"));
  return errors;
}

/** What a nested schema restricts must be described outside of allOf, anyOf, oneOf and not. */
function validateJunctors(nested: JSONSchemaProps, schema: JSONSchemaProps, at: Path, nestedAt: Path): FieldError[] {
  const complete = (each: JSONSchemaProps, place: Path) => validateComplete(each, schema, at, place);
  return [
    ...(nested.not ? complete(nested.not, nestedAt.child("not")) : []),
    ...(["allOf", "anyOf", "oneOf"] as const).flatMap((field) =>
      eachItem(nestedAt.child(field), nested[field], complete),
    ),
  ];
}

function validateComplete(
  nested: JSONSchemaProps,
  schema: JSONSchemaProps | undefined,
  at: Path,
  nestedAt: Path,
): FieldError[] {
  if (!schema) return [required(at, `because it is defined in ${nestedAt}`)];
  const items = itemsOf(nested);
  return [
    ...validateJunctors(nested, schema, at, nestedAt),
    ...(items ? validateComplete(items, itemsOf(schema), at.child("items"), nestedAt.child("items")) : []),
    ...eachEntry(nestedAt.child("properties"), nested.properties, (name, property, place) =>
      validateComplete(property, propertyOf(schema, name), at.child("properties").key(name), place),
    ),
  ];
}
