export * from "./bindings.ts";
export * from "./cluster-roles.ts";
export * from "./controller-roles.ts";
export * from "./reconcile.ts";
export { eventsRule, rbacGroup } from "./rule.ts";
