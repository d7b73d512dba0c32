export * from "./resource-metrics.ts";
