// How components see the cluster. The transport over HTTPS touches the host and is imported by name: ./http/index.ts.
export * from "./backoff.ts";
export * from "./client.ts";
export { clientMetrics } from "./client-metrics.ts";
export * from "./controller.ts";
export * from "./event-recorder.ts";
export * from "./in-process.ts";
export * from "./informer.ts";
export * from "./informer-set.ts";
export * from "./leader-election.ts";
export * from "./runtime.ts";
export * from "./work-queue.ts";
