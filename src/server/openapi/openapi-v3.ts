// OpenAPI 3.0: a document for each group version; what kubectl from 1.27 explains, validates and merges with.

import { apiVersionOf, type ResourceDefinition, type Schema } from "../../api/index.ts";
import { formatJson } from "../../lib/index.ts";
import { descriptionOf, mapValues } from "./openapi-v2.ts";
import type { OpenApiV3Document, OperationV3, ParameterV3, PathItemV3 } from "./openapi-v3-protobuf.ts";
import { isCustom, type Operation, type Parameter, type PathItem, pathsOf } from "./operations.ts";
import { closureOf, namesIn, schemaSource } from "./schemas.ts";

const mediaTypes = ["application/json", "application/yaml"];
const refPrefix = "#/definitions/";

/** Where the document of each group version is, for GET /openapi/v3. The hash changes when the document does. */
export function openApiV3Index(
  kinds: readonly ResourceDefinition[],
  version = "v1.35.0",
): { readonly paths: Record<string, object> } {
  const texts = new Map<string, string>();
  for (const kind of kinds) {
    const path = documentPath(kind);
    const own = formatJson([kind.plural, kind.verbs, kind.subresources, isCustom(kind) ? kind.schema : ""]);
    texts.set(path, `${texts.get(path) ?? version}${own}`);
  }
  const paths: Record<string, object> = {};
  for (const [path, text] of [...texts].sort(([a], [b]) => (a < b ? -1 : 1)))
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash(text)}` };
  return { paths };
}

function documentPath(kind: ResourceDefinition): string {
  return kind.group === "" ? `api/${kind.version}` : `apis/${apiVersionOf(kind)}`;
}

/** 64 bits of FNV-1a in hexadecimal: tells documents apart, protects nothing. */
function hash(text: string): string {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (let at = 0; at < text.length; at++) {
    low = (low ^ text.charCodeAt(at)) >>> 0;
    // Times 0x100000001b3, in halves of 32 bits.
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + (low << 8) + Math.floor(product / 2 ** 32)) >>> 0;
    low = product >>> 0;
  }
  return (high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0")).toUpperCase();
}

/** The document of one group version, for GET /openapi/v3/api/v1 and the like; undefined when it is not served. */
export function openApiV3(
  group: string,
  groupVersion: string,
  kinds: readonly ResourceDefinition[],
  version = "v1.35.0",
): OpenApiV3Document | undefined {
  const own = kinds.filter((kind) => kind.group === group && kind.version === groupVersion);
  if (own.length === 0) return undefined;
  const items = own.flatMap(pathsOf);
  const schemas: Record<string, Schema> = {};
  for (const [name, schema] of Object.entries(
    closureOf(namesIn(items.flatMap((item) => item.operations)), schemaSource(own)),
  ))
    schemas[name] = special[name] ?? schemaOf(schema);
  const paths: Record<string, PathItemV3> = {};
  for (const item of items) paths[item.path] = pathOf(item);
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version },
    paths,
    components: {
      schemas,
      securitySchemes: { BearerToken: { type: "apiKey", name: "authorization", in: "header" } },
    },
  };
}

/** Types that version 3 can say better. */
const special: Readonly<Record<string, Schema>> = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": {
    description: "A number with a suffix, as 100m, 1.5 or 64Mi.",
    oneOf: [{ type: "string" }, { type: "number" }],
  },
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
    description: "A number, or a text such as a name or a percentage.",
    format: "int-or-string",
    oneOf: [{ type: "integer" }, { type: "string" }],
  },
};

/** A schema with the references of version 3. What stands beside a reference needs it wrapped in allOf. */
function schemaOf({ $ref, properties, items, additionalProperties, ...rest }: Schema): Schema {
  if ($ref !== undefined) {
    const name = $ref.slice(refPrefix.length);
    // Structs are there when nobody wrote them, as clients expect it of the built-in types.
    const fallback = special[name] || name.endsWith("Time") ? {} : { default: {} };
    return { ...rest, allOf: [{ $ref: `#/components/schemas/${name}` }], ...fallback };
  }
  const additional = typeof additionalProperties === "object" ? schemaOf(additionalProperties) : additionalProperties;
  return {
    ...rest,
    ...(properties && { properties: mapValues(properties, schemaOf) }),
    ...(items && { items: schemaOf(items) }),
    ...(additional !== undefined && { additionalProperties: additional }),
  };
}

function pathOf({ parameters, operations }: PathItem): PathItemV3 {
  const inPath = parameters.map((each) => ({ ...parameterOf(each, "path"), required: true }));
  return {
    ...Object.fromEntries(operations.map((operation) => [operation.method, operationOf(operation)])),
    ...(inPath.length > 0 && { parameters: inPath }),
  };
}

function operationOf(operation: Operation): OperationV3 {
  const { body, answer, codes } = operation;
  const content = (types: readonly string[], name: string) =>
    Object.fromEntries(types.map((type) => [type, { schema: { $ref: `#/components/schemas/${name}` } }]));
  const responses: Record<string, OperationV3["responses"][string]> = {};
  for (const code of codes)
    responses[code] = {
      description: descriptionOf(code),
      ...(answer ? { content: content(mediaTypes, answer) } : {}),
    };
  responses[401] = { description: "Unauthorized" };
  return {
    tags: [operation.tag],
    description: operation.description,
    operationId: operation.operationId,
    // An empty list is none once a client of Go has read and written it.
    ...(operation.query.length > 0 && { parameters: operation.query.map((each) => parameterOf(each, "query")) }),
    ...(body ? { requestBody: { content: content(operation.consumes, body) } } : {}),
    responses,
    "x-kubernetes-action": operation.action,
    "x-kubernetes-group-version-kind": operation.kind,
  };
}

function parameterOf({ name, type, description }: Parameter, place: "path" | "query"): ParameterV3 {
  return { name, in: place, description, schema: { type, uniqueItems: true } };
}
