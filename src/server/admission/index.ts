export * from "./admission.ts";
export * from "./default-plugins.ts";
export { ensureSystemPriorityClasses } from "./priority.ts";
export { refuse } from "./refusal.ts";
