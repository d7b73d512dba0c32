export * from "./api-service.ts";
export * from "./priorities.ts";
