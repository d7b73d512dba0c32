export { type ForeignDocument, mergeOpenApiV2 } from "./merge-openapi-v2.ts";
export { type OpenApiV2Document, openApiV2 } from "./openapi-v2.ts";
export * from "./openapi-v2-protobuf.ts";
export * from "./openapi-v3.ts";
export * from "./openapi-v3-protobuf.ts";
