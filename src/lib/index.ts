// What has nothing to do with Kubernetes and nothing to do with the host.
export * from "./awaitable.ts";
export * from "./channel.ts";
export * from "./clock.ts";
export * from "./der-reader.ts";
export * from "./errors.ts";
export * from "./freeze.ts";
export * from "./heap.ts";
export * from "./ipv4.ts";
export * from "./json-lines.ts";
export * from "./logger.ts";
export * from "./metrics.ts";
export * from "./random.ts";
export * from "./sha256.ts";
export * from "./sorted-map.ts";
export * from "./text.ts";
export * from "./user-error.ts";
export * from "./virtual-clock.ts";
