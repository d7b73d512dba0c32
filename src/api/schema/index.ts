export * from "./decode-object.ts";
export { copyJson } from "./decoder.ts";
export { describe } from "./descriptions.ts";
export * from "./facts.ts";
export * from "./json.ts";
export * from "./schema.ts";
export * from "./structural.ts";
export * from "./structural-validation.ts";
export * from "./yaml.ts";
