export * from "./disruption.ts";
export * from "./pod-disruption-budget.ts";
