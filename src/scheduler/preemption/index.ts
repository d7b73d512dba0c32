// Makes room for pods by ending others of lower priority.
export { defaultPreemption } from "./default-preemption.ts";
