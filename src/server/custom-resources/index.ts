export * from "./serve-definitions.ts";
