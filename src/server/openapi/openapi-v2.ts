// OpenAPI (Swagger) 2.0: what kubectl up to 1.26 validates and explains with.
import type { ResourceDefinition, Schema } from "../../api/index.ts";
import { isCustom, type Method, type Operation, type Parameter, type PathItem, pathsOf } from "./operations.ts";
import { closureOf, namesIn, schemaSource } from "./schemas.ts";

export interface ParameterV2 {
  readonly name: string;
  readonly in: "path" | "query" | "body";
  readonly description?: string;
  readonly required?: boolean;
  readonly type?: string;
  readonly uniqueItems?: boolean;
  readonly schema?: Schema;
}

export interface ResponseV2 {
  readonly description: string;
  readonly schema?: Schema;
}

export interface OperationV2 {
  readonly description: string;
  readonly consumes: readonly string[];
  readonly produces: readonly string[];
  readonly schemes: readonly string[];
  readonly tags: readonly string[];
  readonly operationId: string;
  readonly parameters: readonly ParameterV2[];
  readonly responses: Readonly<Record<string, ResponseV2>>;
  readonly "x-kubernetes-action": string;
  readonly "x-kubernetes-group-version-kind": object;
}

export type PathItemV2 = { readonly [method in Method]?: OperationV2 } & {
  readonly parameters?: readonly ParameterV2[];
};

export interface OpenApiV2Document {
  readonly swagger: "2.0";
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, PathItemV2>>;
  readonly definitions: Readonly<Record<string, Schema>>;
  readonly securityDefinitions: Readonly<Record<string, { type: string; name: string; in: string }>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}

const produces = ["application/json", "application/yaml"];

/** The document of everything that is served, for GET /openapi/v2. */
export function openApiV2(kinds: readonly ResourceDefinition[], version = "v1.35.0"): OpenApiV2Document {
  const items = kinds.flatMap(pathsOf);
  const schemas = closureOf(namesIn(items.flatMap((item) => item.operations)), schemaSource(kinds));
  const custom = new Set(kinds.filter(isCustom).map((kind) => kind.schemaName));
  const definitions: Record<string, Schema> = {};
  for (const [name, schema] of Object.entries(schemas))
    definitions[name] = custom.has(name) ? customResource(schema) : schema;
  const paths: Record<string, PathItemV2> = {};
  for (const item of items) paths[item.path] = pathOf(item);
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version },
    paths,
    definitions,
    securityDefinitions: { BearerToken: { type: "apiKey", name: "authorization", in: "header" } },
    security: [{ BearerToken: [] }],
  };
}

function pathOf({ parameters, operations }: PathItem): PathItemV2 {
  const methods: Partial<Record<Method, OperationV2>> = {};
  for (const operation of operations) methods[operation.method] = operationOf(operation);
  if (parameters.length === 0) return methods;
  return { ...methods, parameters: parameters.map((each) => ({ ...parameterOf(each, "path"), required: true })) };
}

function operationOf(operation: Operation): OperationV2 {
  const { body, answer, codes } = operation;
  const parameters = operation.query.map((each) => parameterOf(each, "query"));
  if (body)
    parameters.unshift({
      name: "body",
      in: "body",
      schema: { $ref: `#/definitions/${body}` },
      ...(operation.method === "delete" ? {} : { required: true }),
    });
  const responses: Record<string, ResponseV2> = {};
  for (const code of codes)
    responses[code] = {
      description: descriptionOf(code),
      schema: answer ? { $ref: `#/definitions/${answer}` } : { type: "string" },
    };
  responses[401] = { description: "Unauthorized" };
  return {
    description: operation.description,
    consumes: operation.consumes,
    produces,
    schemes: ["https"],
    tags: [operation.tag],
    operationId: operation.operationId,
    parameters,
    responses,
    "x-kubernetes-action": operation.action,
    "x-kubernetes-group-version-kind": operation.kind,
  };
}

export function descriptionOf(code: number): string {
  return code === 201 ? "Created" : code === 202 ? "Accepted" : "OK";
}

function parameterOf({ name, type, description }: Parameter, place: "path" | "query"): ParameterV2 {
  return { name, in: place, type, description, uniqueItems: true };
}

/** Keywords that version 2 of OpenAPI does not have. */
const unknownKeywords = new Set(["allOf", "anyOf", "oneOf", "not", "nullable"]);

/** The schema of a whole custom resource in what version 2 can say. */
function customResource(schema: Schema): Schema {
  if (!schema["x-kubernetes-preserve-unknown-fields"]) return plain(schema);
  return { type: "object", "x-kubernetes-group-version-kind": schema["x-kubernetes-group-version-kind"] ?? [] };
}

/**
 * A schema in what version 2 can say, and what clients of it can read: they refuse null where there is a type, and fields
 * that are not named where others are (k8s.io/apiextensions-apiserver/pkg/controller/openapi/v2/conversion.go).
 */
function plain({ properties, items, additionalProperties, type, required, ...rest }: Schema): Schema {
  const kept = Object.fromEntries(Object.entries(rest).filter(([keyword]) => !unknownKeywords.has(keyword)));
  const isOpen = rest["x-kubernetes-preserve-unknown-fields"] === true;
  const isUnnamed = isOpen || rest.nullable === true;
  const isUntyped =
    rest.nullable === true ||
    // What may be a number or a text has no type in version 2.
    rest["x-kubernetes-int-or-string"] === true ||
    (isOpen && type === "object") ||
    (type === "array" && (isUnnamed || !items));
  const additional = typeof additionalProperties === "object" ? plain(additionalProperties) : additionalProperties;
  const stillRequired = required?.filter((name) => !properties?.[name]?.nullable) ?? [];
  return {
    ...kept,
    ...(type === undefined || isUntyped ? {} : { type }),
    ...(stillRequired.length === 0 ? {} : { required: stillRequired }),
    ...(properties && !isUnnamed && { properties: mapValues(properties, plain) }),
    ...(items && !isUnnamed && { items: plain(items) }),
    ...(additional !== undefined && { additionalProperties: additional }),
  };
}

export function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
