export * from "./resource-metrics.ts";
export type * from "./stats-summary.ts";
