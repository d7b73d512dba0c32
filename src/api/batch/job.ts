import type { Draft } from "../../lib/index.ts";
import { ageColumn, containerColumns, humanDuration, nameColumn, selectorCell } from "../columns.ts";
import { defaultPodTemplate } from "../core/pod-defaults.ts";
import { podTemplateWarnings } from "../core/pod-warnings.ts";
import { workloadNameWarning } from "../core/workload-template.ts";
import { type Path, rootPath } from "../meta/field-error.ts";
import { defineResource } from "../resource.ts";
import type { Job, JobSpec } from "../types.generated.ts";
import { isJobConditionTrue } from "./job-condition.ts";
import { validateJobStatusUpdate } from "./job-status-validation.ts";
import { validateJob, validateJobUpdate } from "./job-validation.ts";

export const controllerUidLabel = "batch.kubernetes.io/controller-uid";
const jobNameLabel = "batch.kubernetes.io/job-name";

export const Jobs = defineResource<Job>({
  group: "batch",
  version: "v1",
  kind: "Job",
  plural: "jobs",
  categories: ["all"],
  columns: [
    nameColumn,
    { name: "Status", type: "string", description: "Status of the job.", of: statusCell },
    { name: "Completions", type: "string", of: completionsCell },
    { name: "Duration", type: "string", description: "Time required to complete the job.", of: durationCell },
    ageColumn,
    ...containerColumns<Job>(({ spec }) => spec.template.spec.containers),
    { name: "Selector", type: "string", priority: 1, of: ({ spec }) => selectorCell(spec.selector) },
  ],
  selectableFields: { "status.successful": ({ status }) => String(status.succeeded ?? 0) },
  unselectableField: (field) => `field label ${JSON.stringify(field)} not supported for batchv1.Job`,
  defaults: defaultJob,
  prepareForCreate: (job) => {
    if (!job.spec.manualSelector) generateSelector(job);
    takeTemplateLabels(job);
  },
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  validateStatusUpdate: validateJobStatusUpdate,
  warnings: ({ metadata, spec }, old) => [
    ...(old ? [] : workloadNameWarning(metadata.name)),
    ...(metadata.generation === old?.metadata.generation ? [] : jobSpecWarnings(spec, rootPath.child("spec"))),
  ],
});

const completionsSoftMax = 100_000;
const parallelismSoftMax = 10_000;

/** Warnings about the spec of a Job or of a template for Jobs. */
export function jobSpecWarnings(spec: JobSpec, at: Path): string[] {
  const { completionMode, completions = 0, parallelism = 0, template } = spec;
  const isTooLarge =
    completionMode === "Indexed" && completions > completionsSoftMax && parallelism > parallelismSoftMax;
  const mayLose =
    "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail";
  return [...(isTooLarge ? [`${at}: ${mayLose}`] : []), ...podTemplateWarnings(template, at.child("template"))];
}

function statusCell({ metadata, status }: Job): string {
  if (isJobConditionTrue(status, "Complete")) return "Complete";
  if (isJobConditionTrue(status, "Failed")) return "Failed";
  if (metadata.deletionTimestamp !== undefined) return "Terminating";
  if (isJobConditionTrue(status, "Suspended")) return "Suspended";
  if (isJobConditionTrue(status, "FailureTarget")) return "FailureTarget";
  return isJobConditionTrue(status, "SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running";
}

function completionsCell({ spec, status }: Job): string {
  const succeeded = status.succeeded ?? 0;
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationCell({ status }: Job, nowMs: number): string {
  if (status.startTime === undefined) return "";
  const endMs = status.completionTime === undefined ? nowMs : Date.parse(status.completionTime);
  return humanDuration(endMs - Date.parse(status.startTime));
}

function defaultJob(job: Draft<Job>): void {
  const { spec } = job;
  defaultJobSpec(spec);
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  // With a limit for each index the job as a whole has none.
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1;
  spec.completionMode ??= "NonIndexed";
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? "Failed" : "TerminatingOrFailed";
  spec.manualSelector ??= false;
  takeTemplateLabels(job);
}

/** A job without labels has those of its pods, the generated ones among them. */
function takeTemplateLabels({ metadata, spec }: Draft<Job>): void {
  const labels = spec.template.metadata?.labels;
  if (labels && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
}

/** What the spec of a job and that of a template for jobs are completed with alike. */
export function defaultJobSpec(spec: Draft<JobSpec>): void {
  spec.template ??= { spec: { containers: [] } };
  defaultPodTemplate(spec.template);
  for (const rule of spec.podFailurePolicy?.rules ?? [])
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= "True";
}

/** A selector of this job's own pods, and the labels that it selects; wrong ones of the client are left for validation. */
function generateSelector({ metadata, spec }: Draft<Job>): void {
  const { metadata: own } = spec.template;
  const labels = {
    "job-name": metadata.name,
    "controller-uid": metadata.uid,
    [jobNameLabel]: metadata.name,
    [controllerUidLabel]: metadata.uid,
    ...own?.labels,
  };
  // The template may be that of a stored CronJob.
  spec.template = { ...spec.template, metadata: { ...own, labels } };
  spec.selector ??= {};
  spec.selector.matchLabels = { [controllerUidLabel]: metadata.uid, ...spec.selector.matchLabels };
}
