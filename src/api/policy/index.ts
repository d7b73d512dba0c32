export * from "./pod-disruption-budget.ts";
