import { defineResource } from "../resource.ts";
import type { CronJob } from "../types.generated.ts";

export const CronJobs = defineResource<CronJob>({
  group: "batch",
  version: "v1",
  kind: "CronJob",
  plural: "cronjobs",
  shortNames: ["cj"],
  categories: ["all"],
});
