export * from "./flow-schema.ts";
export * from "./mandatory.ts";
export * from "./priority-level-configuration.ts";
export * from "./suggested.ts";
