export * from "./facts.ts";
export * from "./schema.ts";
