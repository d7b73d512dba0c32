// The API server below HTTP; imports nothing of the host. The listener is ./http/index.ts.
export * from "./admission/index.ts";
export * from "./allocation/index.ts";
export * from "./api-server.ts";
export * from "./authentication/index.ts";
export * from "./authorization/index.ts";
export * from "./create-handler.ts";
export * from "./custom-resources/index.ts";
export * from "./event-expiry.ts";
export * from "./flow-control/index.ts";
export * from "./lookup.ts";
export type { CommitHook, Commitment } from "./pipeline/commit-hook.ts";
export type { ListPage } from "./pipeline/list.ts";
export type { ServedEvent } from "./pipeline/watch.ts";
export * from "./registry.ts";
export * from "./resource-versions.ts";
export * from "./reviews/index.ts";
export * from "./served-response.ts";
export * from "./webhooks/index.ts";
