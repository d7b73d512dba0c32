// The schemas that OpenAPI documents carry: the built-in ones, those of custom resources, and the lists of both.
import { definitions, describe, type ResourceDefinition, type Schema } from "../../api/index.ts";
import { isCustom, listSchemaName, patchSchemaName } from "./operations.ts";

const refPrefix = "#/definitions/";

/** Finds a schema by its full name, with descriptions and references in the form of version 2. */
export type SchemaSource = (name: string) => Schema | undefined;

/** The schemas that documents about these kinds may need. */
export function schemaSource(kinds: readonly ResourceDefinition[]): SchemaSource {
  const own = new Map<string, () => Schema>();
  for (const kind of kinds) {
    if (isCustom(kind)) own.set(kind.schemaName, () => customSchema(kind));
    own.set(listSchemaName(kind), () => listSchema(kind));
  }
  own.set(patchSchemaName, () => ({ type: "object", description: "A patch of an object." }));
  return (name) => own.get(name)?.() ?? builtInSchema(name);
}

function builtInSchema(name: string): Schema | undefined {
  const schema = definitions[name];
  if (!schema) return undefined;
  const description = describe(name);
  const properties = schema.properties && describedProperties(name, schema.properties);
  return { ...(description ? { description } : {}), ...schema, ...(properties ? { properties } : {}) };
}

function describedProperties(name: string, properties: Readonly<Record<string, Schema>>): Record<string, Schema> {
  const described: Record<string, Schema> = {};
  for (const [field, property] of Object.entries(properties)) {
    const description = describe(name, field) ?? (property.$ref && describe(property.$ref.slice(refPrefix.length)));
    described[field] = description ? { description, ...property } : property;
  }
  return described;
}

const metadataRef = `${refPrefix}io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta`;

const customObject = "io.k8s.apimachinery.pkg.apis.meta.v1.Custom";

/** What every object has, whatever its schema says. */
const objectProperties = () =>
  describedProperties(customObject, {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: { $ref: metadataRef },
  });

function customSchema({ group, version, kind, schema }: ResourceDefinition): Schema {
  const { properties, ...rest } = schema;
  return {
    ...rest,
    type: "object",
    properties: { ...(properties && mapSchemas(properties)), ...objectProperties() },
    "x-kubernetes-group-version-kind": [{ group, version, kind }],
  };
}

/** Embedded objects have what every object has, and say what they are. */
function withEmbeddedObjects(schema: Schema): Schema {
  const { properties, items, additionalProperties, required = [] } = schema;
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  return {
    ...schema,
    ...(properties || isEmbedded
      ? { properties: { ...(properties && mapSchemas(properties)), ...(isEmbedded ? objectProperties() : {}) } }
      : {}),
    ...(items ? { items: withEmbeddedObjects(items) } : {}),
    ...(typeof additionalProperties === "object"
      ? { additionalProperties: withEmbeddedObjects(additionalProperties) }
      : {}),
    ...(isEmbedded ? { required: [...new Set([...required, "kind", "apiVersion"])] } : {}),
  };
}

function mapSchemas(schemas: Readonly<Record<string, Schema>>): Record<string, Schema> {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withEmbeddedObjects(schema)]));
}

function listSchema(kind: ResourceDefinition): Schema {
  const { group, version, listKind, schemaName } = kind;
  const name = listSchemaName(kind);
  return {
    type: "object",
    description: `A list of ${kind.kind} objects.`,
    required: ["items"],
    properties: describedProperties(name, {
      apiVersion: { type: "string" },
      items: { description: `List of ${kind.plural}`, type: "array", items: { $ref: `${refPrefix}${schemaName}` } },
      kind: { type: "string" },
      metadata: { $ref: `${refPrefix}io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta` },
    }),
    "x-kubernetes-group-version-kind": [{ group, version, kind: listKind }],
  };
}

/** The named schemas and all that they refer to, sorted by name. */
export function closureOf(names: Iterable<string>, source: SchemaSource): Record<string, Schema> {
  const found = new Map<string, Schema>();
  const waiting = [...names];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    const schema = source(name);
    if (!schema) continue;
    found.set(name, schema);
    collectReferences(schema, waiting);
  }
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function collectReferences(value: unknown, into: string[]): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    if (key === "$ref" && typeof each === "string") into.push(each.slice(refPrefix.length));
    else collectReferences(each, into);
  }
}

/** Every schema name that operations speak of. */
export function namesIn(operations: Iterable<{ readonly body?: string; readonly answer?: string }>): Set<string> {
  const names = new Set<string>();
  for (const { body, answer } of operations) {
    if (body) names.add(body);
    if (answer) names.add(answer);
  }
  return names;
}
