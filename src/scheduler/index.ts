// Gives pods their nodes. README.md says how.
export { defaultSchedulerName, runScheduler, type SchedulerOptions } from "./scheduler.ts";
