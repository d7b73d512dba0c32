// What is served by others, under this server's address: which group versions, and where they stand among its own.
export * from "./api-services.ts";
export * from "./discovered-resources.ts";
export * from "./extension-requests.ts";
export * from "./resource-list.ts";
