// The revisioned key-value store. Drivers beyond memory touch the host and are imported by name: ./lmdb/index.ts.
export * from "./cache.ts";
export { withResourceVersion } from "./cached-object.ts";
export * from "./encrypted-storage.ts";
export * from "./keys.ts";
export * from "./measured-storage.ts";
export * from "./memory.ts";
export * from "./storage.ts";
export * from "./value.ts";
export * from "./watch-cache.ts";
export * from "./watch-cache-metrics.ts";
