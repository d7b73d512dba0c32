// OpenAPI (Swagger) 2.0: what kubectl up to 1.26 validates and explains with.
import type { ResourceDefinition, Schema } from "../../api/index.ts";
import { isCustom, type Operation, type Parameter, type PathItem, pathsOf } from "./operations.ts";
import { closureOf, namesIn, schemaSource } from "./schemas.ts";

const produces = ["application/json", "application/yaml"];

/** The document of everything that is served, for GET /openapi/v2. */
export function openApiV2(kinds: readonly ResourceDefinition[], version = "v1.35.0"): object {
  const items = kinds.flatMap(pathsOf);
  const source = schemaSource(kinds);
  const schemas = closureOf(namesIn(items.flatMap((item) => item.operations)), source);
  const custom = new Set(kinds.filter(isCustom).map((kind) => kind.schemaName));
  const definitions: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(schemas)) definitions[name] = custom.has(name) ? plain(schema) : schema;
  const paths: Record<string, unknown> = {};
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

function pathOf({ parameters, operations }: PathItem): Record<string, unknown> {
  const item: Record<string, unknown> = {};
  for (const operation of operations) item[operation.method] = operationOf(operation);
  if (parameters.length > 0)
    item.parameters = parameters.map((each) => ({ ...parameterOf(each, "path"), required: true }));
  return item;
}

function operationOf(operation: Operation): object {
  const { body, answer, codes } = operation;
  const parameters: object[] = operation.query.map((each) => parameterOf(each, "query"));
  if (body)
    parameters.unshift({
      name: "body",
      in: "body",
      schema: { $ref: `#/definitions/${body}` },
      ...(operation.method === "delete" ? {} : { required: true }),
    });
  const responses: Record<string, object> = {};
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

function parameterOf({ name, type, description }: Parameter, place: "path" | "query"): object {
  return { name, in: place, type, description, uniqueItems: true };
}

/** Keywords that version 2 of OpenAPI does not have. */
const unknownKeywords = new Set(["allOf", "anyOf", "oneOf", "not", "nullable"]);

/** The schema of a custom resource in what version 2 can say. */
function plain(schema: Schema): Schema {
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (unknownKeywords.has(keyword)) continue;
    if (keyword === "properties") result[keyword] = mapValues(value as Readonly<Record<string, Schema>>, plain);
    else if (keyword === "items" || (keyword === "additionalProperties" && typeof value === "object"))
      result[keyword] = plain(value as Schema);
    else result[keyword] = value;
  }
  // A number or a text has no type in version 2.
  if (schema["x-kubernetes-int-or-string"]) delete result.type;
  return result;
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
