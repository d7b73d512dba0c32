// Lists whose items are told apart: x-kubernetes-list-type and x-kubernetes-list-map-keys.
import { append } from "../../lib/index.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import type { JSONSchemaProps } from "../types.generated.ts";
import { isGiven, itemsOf, propertyOf } from "./schema-parts.ts";

const listTypes = ["atomic", "set", "map"];

export function validateListType(schema: JSONSchemaProps, at: Path): FieldError[] {
  const { type = "", "x-kubernetes-list-type": listType, "x-kubernetes-list-map-keys": keys = [] } = schema;
  const typeAt = at.child("x-kubernetes-list-type");
  const errors: FieldError[] = [];
  if (listType !== undefined && type !== "array") {
    const mustBe = "must be array if x-kubernetes-list-type is specified";
    errors.push(type === "" ? required(at.child("type"), mustBe) : invalidValue(at.child("type"), type, mustBe));
  } else if (listType === "set") append(errors, validateSetItems(schema, at.child("items")));
  if (listType !== undefined && !listTypes.includes(listType)) errors.push(notSupported(typeAt, listType, listTypes));
  if (keys.length > 0 && listType !== "map") {
    const mustBe = "must be map if x-kubernetes-list-map-keys is non-empty";
    errors.push(listType === undefined ? required(typeAt, mustBe) : invalidValue(typeAt, listType, mustBe));
  }
  if (listType === "map") append(errors, validateMapItems(schema, keys, at));
  if (listType === "map" || listType === "set") append(errors, validateNoNulls(schema, listType, keys, at));
  return errors;
}

/** The items of a set are compared as a whole. */
function validateSetItems(schema: JSONSchemaProps, at: Path): FieldError[] {
  const items = itemsOf(schema);
  const { "x-kubernetes-list-type": listType, "x-kubernetes-map-type": mapType } = items ?? {};
  const mustBe = "must be atomic as item of a list with x-kubernetes-list-type=set";
  if (items?.type === "array" && listType !== undefined && listType !== "atomic")
    return [invalidValue(at.child("x-kubernetes-list-type"), listType, mustBe)];
  // Kubernetes shows the list type here too.
  if (items?.type === "object" && mapType !== "atomic")
    return [invalidValue(at.child("x-kubernetes-map-type"), listType, mustBe)];
  return [];
}

function validateMapItems(schema: JSONSchemaProps, keys: readonly string[], at: Path): FieldError[] {
  const itemsAt = at.child("items");
  const keysAt = at.child("x-kubernetes-list-map-keys");
  const errors: FieldError[] = [];
  if (keys.length === 0) errors.push(required(keysAt, "must not be empty if x-kubernetes-list-type is map"));
  const items = itemsOf(schema);
  if (schema.items === undefined) errors.push(required(itemsAt, "must have a schema if x-kubernetes-list-type is map"));
  else if (!items)
    errors.push(invalidValue(itemsAt, schema.items, "must only have a single schema if x-kubernetes-list-type is map"));
  if (!items) return errors;
  if (items.type !== "object")
    return [
      ...errors,
      invalidValue(
        itemsAt.child("type"),
        items.type ?? "",
        "must be object if parent array's x-kubernetes-list-type is map",
      ),
    ];
  for (const [index, key] of keys.entries()) {
    const property = propertyOf(items, key);
    if (!property) errors.push(invalidValue(keysAt, keys, "entries must all be names of item properties"));
    else if (property.type === "array" || property.type === "object")
      errors.push(
        invalidValue(
          itemsAt.child("properties").key(key).child("type"),
          items.type,
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      );
    if (keys.indexOf(key) < index) errors.push(invalidValue(keysAt, keys, "must not contain duplicate entries"));
  }
  return errors;
}

/** What tells items apart must be there. */
function validateNoNulls(schema: JSONSchemaProps, listType: "map" | "set", keys: readonly string[], at: Path) {
  const items = itemsOf(schema);
  const place = at.child("items");
  const errors: FieldError[] = [];
  if (items?.nullable)
    errors.push(
      forbiddenField(place.child("nullable"), `cannot be nullable when x-kubernetes-list-type is ${listType}`),
    );
  if (listType === "set") return errors;
  for (const key of keys) {
    const property = items && propertyOf(items, key);
    if (!property) continue;
    const keyAt = place.child("properties").key(key);
    if (!items?.required?.includes(key) && !isGiven(property.default))
      errors.push(
        required(
          keyAt.child("default"),
          "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
        ),
      );
    if (property.nullable)
      errors.push(
        forbiddenField(
          keyAt.child("nullable"),
          "this property is in x-kubernetes-list-map-keys, so it cannot be nullable",
        ),
      );
  }
  return errors;
}
