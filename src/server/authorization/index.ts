export * from "./authorizer.ts";
export * from "./bootstrap-policy/index.ts";
export * from "./node-authorizer.ts";
export * from "./pod-references.ts";
export * from "./policy-rule.ts";
export * from "./rbac.ts";
export * from "./request-attributes.ts";
export * from "./union.ts";
