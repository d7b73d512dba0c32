// A document of OpenAPI 3 as the message openapi.v3.Document of google/gnostic. The numbers are those of gnostic's
// openapiv3/OpenAPIv3.proto.
import type { Schema } from "../../api/index.ts";
import { any, extensions, namedAll, numberOf, ProtobufWriter, textOf } from "./protobuf-writer.ts";

/** The media types under which clients ask for it: the older one, with "@", is none by RFC 2045. */
export const openApiV3ProtobufTypes = [
  "application/com.github.proto-openapi.spec.v3@v1.0+protobuf",
  "application/com.github.proto-openapi.spec.v3.v1.0+protobuf",
];

/** The media type of the answer to either. */
export const openApiV3ProtobufType = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";

type Named<T> = Readonly<Record<string, T>>;
type Content = Named<{ readonly schema: Schema }>;

export interface ParameterV3 {
  readonly name: string;
  readonly in: string;
  readonly description: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

export interface OperationV3 {
  readonly tags: readonly string[];
  readonly description: string;
  readonly operationId: string;
  readonly parameters?: readonly ParameterV3[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Named<{ readonly description: string; readonly content?: Content }>;
  readonly "x-kubernetes-action": string;
  readonly "x-kubernetes-group-version-kind": object;
}

/** The methods of a path with the numbers of their fields. */
const methods = { get: 4, put: 5, post: 6, delete: 7, patch: 10 } as const;

export type PathItemV3 = Partial<Readonly<Record<keyof typeof methods, OperationV3>>> & {
  readonly parameters?: readonly ParameterV3[];
};

/** What openApiV3 makes. */
export interface OpenApiV3Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Named<PathItemV3>;
  readonly components: {
    readonly schemas: Named<Schema>;
    readonly securitySchemes: Named<{ readonly type: string; readonly name: string; readonly in: string }>;
  };
}

export function openApiV3Protobuf({ openapi, info, paths, components }: OpenApiV3Document): Uint8Array {
  const scheme = ({ type, name, in: place }: { type: string; name: string; in: string }) =>
    new ProtobufWriter().message(1, new ProtobufWriter().string(1, type).string(3, name).string(4, place));
  return new ProtobufWriter()
    .string(1, openapi)
    .message(2, new ProtobufWriter().string(1, info.title).string(6, info.version))
    .message(4, new ProtobufWriter().messages(1, namedAll(paths, pathItem)))
    .message(
      5,
      new ProtobufWriter()
        .message(1, new ProtobufWriter().messages(1, namedAll(components.schemas, schemaOrReference)))
        .message(7, new ProtobufWriter().messages(1, namedAll(components.securitySchemes, scheme))),
    )
    .finish();
}

function pathItem(item: PathItemV3): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const method of ["get", "put", "post", "delete", "patch"] as const)
    writer.message(methods[method], item[method] && operation(item[method]));
  return writer.messages(13, (item.parameters ?? []).map(parameter));
}

function operation(value: OperationV3): ProtobufWriter {
  const body = value.requestBody && new ProtobufWriter().message(2, mediaTypes(value.requestBody.content));
  return new ProtobufWriter()
    .strings(1, value.tags)
    .string(3, value.description)
    .string(5, value.operationId)
    .messages(6, (value.parameters ?? []).map(parameter))
    .message(7, body && new ProtobufWriter().message(1, body))
    .message(8, new ProtobufWriter().messages(2, namedAll(value.responses, response)))
    .messages(13, extensions(value));
}

function response({ description, content }: OperationV3["responses"][string]): ProtobufWriter {
  const message = new ProtobufWriter().string(1, description).message(3, content && mediaTypes(content));
  return new ProtobufWriter().message(1, message);
}

function mediaTypes(content: Content): ProtobufWriter {
  const mediaType = ({ schema }: Content[string]) => new ProtobufWriter().message(1, schemaOrReference(schema));
  return new ProtobufWriter().messages(1, namedAll(content, mediaType));
}

function parameter({ name, in: place, description, required, schema }: ParameterV3): ProtobufWriter {
  const message = new ProtobufWriter()
    .string(1, name)
    .string(2, place)
    .string(3, description)
    .bool(4, required)
    .message(10, schemaOrReference(schema));
  return new ProtobufWriter().message(1, message);
}

function schemaOrReference(schema: Schema): ProtobufWriter {
  if (schema.$ref === undefined) return new ProtobufWriter().message(1, schemaMessage(schema));
  return new ProtobufWriter().message(2, new ProtobufWriter().string(1, schema.$ref));
}

function schemaMessage(schema: Schema): ProtobufWriter {
  const { additionalProperties, items, properties, not } = schema;
  return new ProtobufWriter()
    .bool(1, schema.nullable === true)
    .string(9, textOf(schema.title))
    .double(10, numberOf(schema.multipleOf))
    .double(11, numberOf(schema.maximum))
    .bool(12, schema.exclusiveMaximum === true)
    .double(13, numberOf(schema.minimum))
    .bool(14, schema.exclusiveMinimum === true)
    .int64(15, numberOf(schema.maxLength))
    .int64(16, numberOf(schema.minLength))
    .string(17, textOf(schema.pattern))
    .int64(18, numberOf(schema.maxItems))
    .int64(19, numberOf(schema.minItems))
    .bool(20, schema.uniqueItems === true)
    .int64(21, numberOf(schema.maxProperties))
    .int64(22, numberOf(schema.minProperties))
    .strings(23, schema.required)
    .messages(24, Array.isArray(schema.enum) ? schema.enum.map(any) : [])
    .string(25, schema.type)
    .messages(26, schemasIn(schema.allOf))
    .messages(27, schemasIn(schema.oneOf))
    .messages(28, schemasIn(schema.anyOf))
    .message(29, isSchema(not) ? schemaMessage(not) : undefined)
    .message(30, items && new ProtobufWriter().message(1, schemaOrReference(items)))
    .message(31, properties && new ProtobufWriter().messages(1, namedAll(properties, schemaOrReference)))
    .message(32, additionalProperties === undefined ? undefined : additional(additionalProperties))
    .message(33, schema.default === undefined ? undefined : defaultMessage(schema.default))
    .string(34, schema.description)
    .string(35, schema.format)
    .messages(36, extensions(schema));
}

/** The schemas of an allOf and its like. */
function schemasIn(value: unknown): ProtobufWriter[] {
  return Array.isArray(value) ? value.filter(isSchema).map(schemaOrReference) : [];
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null;
}

function additional(value: Schema | boolean): ProtobufWriter {
  return typeof value === "boolean"
    ? new ProtobufWriter().oneOf(2, value)
    : new ProtobufWriter().message(1, schemaOrReference(value));
}

/** The message knows numbers, booleans and texts; of any other default it only says that there is one. */
function defaultMessage(value: unknown): ProtobufWriter {
  const writer = new ProtobufWriter();
  if (typeof value === "number" || typeof value === "bigint") return writer.oneOf(1, Number(value));
  if (typeof value === "boolean") return writer.oneOf(2, value);
  return typeof value === "string" ? writer.strings(3, [value]) : writer;
}
