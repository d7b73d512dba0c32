// What a CRD's schema may say: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go,
// ValidateCustomResourceDefinitionOpenAPISchema and its parts. Expressions in CEL are compiled
// in expression-costs.ts.
import { eachEntry, eachItem } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import type { JSONSchemaProps } from "../types.generated.ts";
import { validateRules } from "./expression-rules.ts";
import { validateListType } from "./list-type-rules.ts";
import { isGiven, isSchema } from "./schema-parts.ts";

const types = ["array", "boolean", "integer", "number", "object", "string"];
const objectFields = new Set(["metadata", "kind", "apiVersion"]);

/** Where in a schema one stands, as far as it matters to what may be said there. */
interface Place {
  readonly isRoot: boolean;
  /** Within apiVersion, kind or metadata of an object. */
  readonly isInsideMetadata: boolean;
  /** Why no default may be given. */
  readonly noDefaults?: string;
}

export function validateSchemaRules(
  schema: JSONSchemaProps,
  at: Path,
  place: Place = { isRoot: true, isInsideMetadata: false },
): FieldError[] {
  const below = (part: JSONSchemaProps | undefined, partAt: Path, change: Partial<Place> = {}) =>
    part ? validateSchemaRules(part, partAt, { ...place, isRoot: false, ...change }) : [];
  const errors = validateStandard(schema, place, at);
  if (schema.uniqueItems)
    errors.push(
      forbiddenField(
        at.child("uniqueItems"),
        "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
      ),
    );
  return [
    ...errors,
    ...validateAdditionalProperties(schema, place, below, at.child("additionalProperties")),
    ...eachEntry(at.child("properties"), schema.properties, (name, property, propertyAt) =>
      below(property, propertyAt, inProperty(schema, name, place)),
    ),
    ...below(schema.not, at.child("not")),
    ...(["allOf", "oneOf", "anyOf"] as const).flatMap((field) =>
      eachItem(at.child(field), schema[field], (each, partAt) => below(each, partAt)),
    ),
    ...eachEntry(at.child("definitions"), schema.definitions, (_, each, partAt) => below(each, partAt)),
    ...validateItems(schema, below, at.child("items")),
    ...eachEntry(at.child("dependencies"), schema.dependencies, (_, each, partAt) =>
      isSchema(each) ? below(each, partAt) : [],
    ),
    ...validatePreserving(schema, at.child("x-kubernetes-preserve-unknown-fields")),
    ...validateMapType(schema, at),
    ...validateListType(schema, at),
    ...validateRules(schema, at.child("x-kubernetes-validations")),
  ];
}

type Below = (part: JSONSchemaProps | undefined, at: Path, change?: Partial<Place>) => FieldError[];

function inProperty(schema: JSONSchemaProps, name: string, { isRoot }: Place): Partial<Place> {
  if (!objectFields.has(name) || !(isRoot || schema["x-kubernetes-embedded-resource"])) return {};
  return { isInsideMetadata: true, ...(isRoot ? { noDefaults: `in top-level ${name}` } : {}) };
}

function validateAdditionalProperties(
  { properties = {}, additionalProperties }: JSONSchemaProps,
  place: Place,
  below: Below,
  at: Path,
): FieldError[] {
  if (additionalProperties === undefined) return [];
  const errors: FieldError[] = [];
  if (Object.keys(properties).length > 0 && additionalProperties !== true)
    errors.push(forbiddenField(at, "additionalProperties and properties are mutual exclusive"));
  if (!isSchema(additionalProperties)) return errors;
  const change = place.isInsideMetadata
    ? { noDefaults: "inside additionalProperties applying to object metadata" }
    : {};
  return [...errors, ...below(additionalProperties, at, change)];
}

function validateItems({ items }: JSONSchemaProps, below: Below, at: Path): FieldError[] {
  if (isSchema(items)) return below(items, at);
  return eachItem(at, items, (each, place) => below(each, place));
}

const unsupported = ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] as const;

function validateStandard(schema: JSONSchemaProps, place: Place, at: Path): FieldError[] {
  const { type = "" } = schema;
  const errors: FieldError[] = [];
  if (type !== "" && !types.includes(type)) errors.push(notSupported(at.child("type"), type, types));
  if (isGiven(schema.default) && place.noDefaults !== undefined)
    errors.push(forbiddenField(at.child("default"), `must not be set ${place.noDefaults}`));
  for (const field of unsupported)
    if (isGiven(schema[field])) errors.push(forbiddenField(at.child(field), `${field} is not supported`));
  if (type === "null")
    errors.push(forbiddenField(at.child("type"), "type cannot be set to null, use nullable as an alternative"));
  if (Array.isArray(schema.items))
    errors.push(forbiddenField(at.child("items"), "items must be a schema object and not an array"));
  if (place.isInsideMetadata && schema["x-kubernetes-embedded-resource"])
    errors.push(forbiddenField(at.child("x-kubernetes-embedded-resource"), "must not be used inside of resource meta"));
  return errors;
}

function validatePreserving(schema: JSONSchemaProps, at: Path): FieldError[] {
  return schema["x-kubernetes-preserve-unknown-fields"] === false
    ? [invalidValue(at, false, "must be true or undefined")]
    : [];
}

function validateMapType({ type = "", "x-kubernetes-map-type": mapType }: JSONSchemaProps, at: Path): FieldError[] {
  if (mapType === undefined) return [];
  const errors: FieldError[] = [];
  const mustBe = "must be object if x-kubernetes-map-type is specified";
  if (type === "") errors.push(required(at.child("type"), mustBe));
  else if (type !== "object") errors.push(invalidValue(at.child("type"), type, mustBe));
  const supported = ["atomic", "granular"];
  if (!supported.includes(mapType)) errors.push(notSupported(at.child("x-kubernetes-map-type"), mapType, supported));
  return errors;
}
