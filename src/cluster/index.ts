// Composition: the processes of a cluster, and what the command line does with them.
export * from "./data-directory.ts";
export * from "./demo.ts";
export * from "./down.ts";
export { olderLog } from "./log-file.ts";
export * from "./node-engine.ts";
export * from "./reset.ts";
export * from "./settings.ts";
export * from "./stand-in-images.ts";
export * from "./status.ts";
export * from "./up.ts";
export * from "./version.ts";
export { askWhy } from "./why.ts";
