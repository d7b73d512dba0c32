// The document of OpenAPI 2 as the message openapi.v2.Document of google/gnostic, the only form in which kubectl and
// client-go read it. The numbers are those of gnostic's openapiv2/OpenAPIv2.proto.
import type { Schema } from "../../api/index.ts";
import type { OpenApiV2Document, OperationV2, ParameterV2, PathItemV2, ResponseV2 } from "./openapi-v2.ts";
import { any, extensions, named, namedAll, numberOf, ProtobufWriter, textOf } from "./protobuf-writer.ts";

/** The media types under which clients ask for it: the older one, with "@", is none by RFC 2045. */
export const openApiV2ProtobufTypes = [
  "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
  "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
];

/** The media type of the answer to either; Go refuses to read the other. */
export const openApiV2ProtobufType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

export function openApiV2Protobuf(document: OpenApiV2Document): Uint8Array {
  const { swagger, info, paths, definitions, securityDefinitions, security } = document;
  const schemes = Object.entries(securityDefinitions).map(([name, { type, name: header, in: place }]) =>
    named(
      name,
      new ProtobufWriter().message(2, new ProtobufWriter().string(1, type).string(2, header).string(3, place)),
    ),
  );
  return new ProtobufWriter()
    .string(1, swagger)
    .message(2, new ProtobufWriter().string(1, info.title).string(2, info.version))
    .message(8, new ProtobufWriter().messages(2, namedAll(paths, pathItem)))
    .message(9, new ProtobufWriter().messages(1, namedAll(definitions, schemaMessage)))
    .messages(
      12,
      security.map((each) =>
        new ProtobufWriter().messages(
          1,
          namedAll(each, (scopes) => new ProtobufWriter().strings(1, scopes)),
        ),
      ),
    )
    .message(13, new ProtobufWriter().messages(1, schemes))
    .finish();
}

function pathItem(item: PathItemV2): ProtobufWriter {
  const optional = (operation: OperationV2 | undefined) => operation && operationMessage(operation);
  return new ProtobufWriter()
    .message(2, optional(item.get))
    .message(3, optional(item.put))
    .message(4, optional(item.post))
    .message(5, optional(item.delete))
    .message(8, optional(item.patch))
    .messages(9, (item.parameters ?? []).map(parameter));
}

function operationMessage(operation: OperationV2): ProtobufWriter {
  const responses = namedAll(operation.responses, (each) => new ProtobufWriter().message(1, response(each)));
  return new ProtobufWriter()
    .strings(1, operation.tags)
    .string(3, operation.description)
    .string(5, operation.operationId)
    .strings(6, operation.produces)
    .strings(7, operation.consumes)
    .messages(8, operation.parameters.map(parameter))
    .message(9, new ProtobufWriter().messages(1, responses))
    .strings(10, operation.schemes)
    .messages(13, extensions(operation));
}

function response({ description, schema }: ResponseV2): ProtobufWriter {
  const item = schema && new ProtobufWriter().message(1, schemaMessage(schema));
  return new ProtobufWriter().string(1, description).message(2, item);
}

function parameter(value: ParameterV2): ProtobufWriter {
  return new ProtobufWriter().message(1, value.in === "body" ? bodyParameter(value) : otherParameter(value));
}

function bodyParameter({ description, name, required, schema }: ParameterV2): ProtobufWriter {
  const body = new ProtobufWriter()
    .string(1, description)
    .string(2, name)
    .string(3, "body")
    .bool(4, required)
    .message(5, schema && schemaMessage(schema));
  return new ProtobufWriter().message(1, body);
}

/** Parameters of the query and of the path have the same fields but for one that shifts the numbers. */
function otherParameter({ description, name, required, type, uniqueItems, in: place }: ParameterV2): ProtobufWriter {
  const shift = place === "query" ? 1 : 0;
  const message = new ProtobufWriter()
    .bool(1, required)
    .string(2, place)
    .string(3, description)
    .string(4, name)
    .string(5 + shift, type)
    .bool(19 + shift, uniqueItems);
  return new ProtobufWriter().message(2, new ProtobufWriter().message(place === "query" ? 3 : 4, message));
}

function schemaMessage(schema: Schema): ProtobufWriter {
  const { additionalProperties, items, properties, type } = schema;
  return new ProtobufWriter()
    .string(1, schema.$ref)
    .string(2, schema.format)
    .string(3, textOf(schema.title))
    .string(4, schema.description)
    .message(5, schema.default === undefined ? undefined : any(schema.default))
    .double(6, numberOf(schema.multipleOf))
    .double(7, numberOf(schema.maximum))
    .bool(8, schema.exclusiveMaximum === true)
    .double(9, numberOf(schema.minimum))
    .bool(10, schema.exclusiveMinimum === true)
    .int64(11, numberOf(schema.maxLength))
    .int64(12, numberOf(schema.minLength))
    .string(13, textOf(schema.pattern))
    .int64(14, numberOf(schema.maxItems))
    .int64(15, numberOf(schema.minItems))
    .bool(16, schema.uniqueItems === true)
    .int64(17, numberOf(schema.maxProperties))
    .int64(18, numberOf(schema.minProperties))
    .strings(19, schema.required)
    .messages(20, Array.isArray(schema.enum) ? schema.enum.map(any) : [])
    .message(21, additionalProperties === undefined ? undefined : additional(additionalProperties))
    .message(22, type === undefined ? undefined : new ProtobufWriter().strings(1, [type]))
    .message(23, items && new ProtobufWriter().message(1, schemaMessage(items)))
    .message(25, properties && new ProtobufWriter().messages(1, namedAll(properties, schemaMessage)))
    .messages(31, extensions(schema));
}

function additional(value: Schema | boolean): ProtobufWriter {
  return typeof value === "boolean"
    ? new ProtobufWriter().bool(2, value)
    : new ProtobufWriter().message(1, schemaMessage(value));
}
