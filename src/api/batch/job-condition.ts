import type { Job, JobStatus } from "../types.generated.ts";

export type JobConditionType = "Complete" | "Failed" | "Suspended" | "FailureTarget" | "SuccessCriteriaMet";

export function isJobConditionTrue(status: JobStatus, type: JobConditionType): boolean {
  return status.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;
}

/** Whether the job has completed or failed, for good. */
export function isJobFinished({ status }: Job): boolean {
  return isJobConditionTrue(status, "Complete") || isJobConditionTrue(status, "Failed");
}
