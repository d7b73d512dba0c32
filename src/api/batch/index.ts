export * from "./cron-job.ts";
export * from "./cron-schedule.ts";
export * from "./job.ts";
export * from "./job-condition.ts";
export * from "./job-indexes.ts";
