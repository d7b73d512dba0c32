export * from "./conversion.ts";
export * from "./custom-resource.ts";
export * from "./custom-resource-definition.ts";
export * from "./definition-conditions.ts";
