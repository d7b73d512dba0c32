export * from "./cache-view.ts";
export * from "./resolvers.ts";
export * from "./server.ts";
