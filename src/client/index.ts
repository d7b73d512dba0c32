export * from "./client.ts";
export * from "./controller.ts";
