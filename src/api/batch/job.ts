import { defineResource } from "../resource.ts";
import type { Job } from "../types.generated.ts";

export const Jobs = defineResource<Job>({
  group: "batch",
  version: "v1",
  kind: "Job",
  plural: "jobs",
  categories: ["all"],
});
