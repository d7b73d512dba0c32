export * from "./horizontal-pod-autoscaler.ts";
export * from "./horizontal-pod-autoscaler-v1.ts";
