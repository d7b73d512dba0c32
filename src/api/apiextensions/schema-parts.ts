// The parts of a CRD's schema, for those who walk it.
import type { Schema } from "../schema/schema.ts";
import type { JSONSchemaProps } from "../types.generated.ts";

/** The schema of a list's items, where there is one for all of them. */
export function itemsOf({ items }: JSONSchemaProps): JSONSchemaProps | undefined {
  return isSchema(items) ? items : undefined;
}

/** The schema of a field; it may be called constructor, as what every object inherits. */
export function propertyOf({ properties = {} }: JSONSchemaProps, name: string): JSONSchemaProps | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

/** Where JSON schema allows a list or a truth value instead of a schema. */
export function isSchema(part: JSONSchemaProps | readonly unknown[] | boolean | undefined): part is JSONSchemaProps {
  return typeof part === "object" && !Array.isArray(part);
}

/** The schema as those who walk values by it take it; it must be structural, or `items` may be a list. */
export function asSchema(schema: JSONSchemaProps): Schema {
  // The same fields under the same names; a Schema may have more of them.
  return schema as unknown as Schema;
}

/** Whether the value of a field says something: neither absent nor null. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Every schema in the schema, itself first. */
export function* schemasIn(schema: JSONSchemaProps): Generator<JSONSchemaProps> {
  yield schema;
  const { items, additionalProperties, additionalItems, not } = schema;
  const parts: (JSONSchemaProps | readonly unknown[] | boolean | undefined)[] = [
    ...(Array.isArray(items) ? items : [items]),
    additionalProperties,
    additionalItems,
    not,
    ...(schema.allOf ?? []),
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
    ...Object.values(schema.properties ?? {}),
    ...Object.values(schema.patternProperties ?? {}),
    ...Object.values(schema.definitions ?? {}),
    ...Object.values(schema.dependencies ?? {}),
  ];
  for (const part of parts) if (isSchema(part)) yield* schemasIn(part);
}

/** Fields of JSON schema that no CRD may use, and that make a schema impossible to read as structural. */
export function unsupportedField(schema: JSONSchemaProps): string | undefined {
  for (const each of schemasIn(schema)) {
    if (each.id) return "OpenAPIV3Schema 'id' is not supported";
    if (each.$schema) return "OpenAPIV3Schema 'schema' is not supported";
    if (each.$ref) return "OpenAPIV3Schema '$ref' is not supported";
    for (const field of ["patternProperties", "dependencies", "additionalItems", "definitions"] as const)
      if (isGiven(each[field])) return `OpenAPIV3Schema '${field}' is not supported`;
    if (Array.isArray(each.items)) return "OpenAPIV3Schema 'items' must be a schema, but is an array";
    if (each["x-kubernetes-preserve-unknown-fields"] === false)
      return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  }
  return undefined;
}

/** The formats of texts that Kubernetes checks, without dashes. */
const knownFormats = new Set([
  ...["bsonobjectid", "uri", "email", "hostname", "ipv4", "ipv6", "cidr", "mac", "uuid", "uuid3", "uuid4", "uuid5"],
  ...["isbn", "isbn10", "isbn13", "creditcard", "ssn", "hexcolor", "rgbcolor", "byte", "password", "date", "duration"],
  ...["datetime", "k8sshortname", "k8slongname"],
]);

/** The formats that a schema gives texts and that say nothing to the server. */
export function unrecognizedFormats(schema: JSONSchemaProps): string[] {
  return [...schemasIn(schema)].flatMap(({ type, format = "" }) =>
    type === "string" && format !== "" && !knownFormats.has(format.replaceAll("-", "")) ? [format] : [],
  );
}
