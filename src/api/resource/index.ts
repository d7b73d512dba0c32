export * from "./device-class.ts";
export * from "./device-expressions.ts";
export * from "./resource-claim.ts";
export * from "./resource-claim-template.ts";
export * from "./resource-slice.ts";
