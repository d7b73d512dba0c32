import type { Draft } from "../../lib/index.ts";
import { ageColumn, containerColumns, nameColumn, selectorCell, timeSince } from "../columns.ts";
import { workloadNameWarning } from "../core/workload-template.ts";
import { nonnegative, requiredEnum, requiredField } from "../field-rules.ts";
import { shownSelector } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, notSupported, type Path, rootPath } from "../meta/field-error.ts";
import { defineResource } from "../resource.ts";
import type { CronJob, JobTemplateSpec } from "../types.generated.ts";
import { parseCronSchedule } from "./cron-schedule.ts";
import { defaultJobSpec, jobSpecWarnings } from "./job.ts";
import { validateJobSpec } from "./job-validation.ts";

/** A job's name is at most 63 long, and gets 11 characters after that of its CronJob. */
const nameMax = 52;

export const CronJobs = defineResource<CronJob>({
  group: "batch",
  version: "v1",
  kind: "CronJob",
  plural: "cronjobs",
  shortNames: ["cj"],
  categories: ["all"],
  columns: [
    nameColumn,
    { name: "Schedule", type: "string", of: ({ spec }) => spec.schedule },
    { name: "Timezone", type: "string", of: ({ spec }) => spec.timeZone ?? "<none>" },
    { name: "Suspend", type: "boolean", of: suspendCell },
    { name: "Active", type: "integer", of: ({ status }) => status.active?.length ?? 0 },
    { name: "Last Schedule", type: "string", of: lastScheduleCell },
    ageColumn,
    ...containerColumns<CronJob>(({ spec }) => spec.jobTemplate.spec.template.spec.containers),
    { name: "Selector", type: "string", priority: 1, of: ({ spec }) => selectorCell(spec.jobTemplate.spec.selector) },
  ],
  defaults: defaultCronJob,
  validate,
  validateCreate: ({ metadata, spec }, at) => [
    ...validateTimeZone(spec.timeZone, at.child("spec", "timeZone")),
    ...(metadata.name.length > nameMax
      ? [invalidValue(at.child("metadata", "name"), metadata.name, `must be no more than ${nameMax} characters`)]
      : []),
  ],
  // A zone that the database has dropped since may stay.
  validateUpdate: ({ spec }, old, at) =>
    spec.timeZone === old.spec.timeZone ? [] : validateTimeZone(spec.timeZone, at.child("spec", "timeZone")),
  warnings: ({ metadata, spec }, old) => [
    ...(old ? [] : workloadNameWarning(metadata.name)),
    ...(metadata.generation === old?.metadata.generation
      ? []
      : jobSpecWarnings(spec.jobTemplate.spec, rootPath.child("spec", "jobTemplate", "spec"))),
  ],
});

function suspendCell({ spec }: CronJob): string {
  if (spec.suspend === undefined) return "<unset>";
  return spec.suspend ? "True" : "False";
}

function lastScheduleCell({ status }: CronJob, nowMs: number): string {
  return status.lastScheduleTime === undefined ? "<none>" : timeSince(status.lastScheduleTime, nowMs);
}

function defaultCronJob({ spec }: Draft<CronJob>): void {
  spec.concurrencyPolicy ||= "Allow";
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  spec.jobTemplate ??= { spec: { template: { spec: { containers: [] } } } };
  spec.jobTemplate.metadata ??= {};
  spec.jobTemplate.spec ??= { template: { spec: { containers: [] } } };
  defaultJobSpec(spec.jobTemplate.spec);
}

function validate({ spec }: CronJob, root: Path): FieldError[] {
  const at = root.child("spec");
  return [
    ...requiredField(at.child("schedule"), spec.schedule),
    ...(spec.schedule ? validateSchedule(spec.schedule, at.child("schedule")) : []),
    ...nonnegative(at.child("startingDeadlineSeconds"), spec.startingDeadlineSeconds),
    ...requiredEnum(at.child("concurrencyPolicy"), spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"]),
    ...validateJobTemplate(spec.jobTemplate, at.child("jobTemplate")),
    ...nonnegative(at.child("successfulJobsHistoryLimit"), spec.successfulJobsHistoryLimit),
    ...nonnegative(at.child("failedJobsHistoryLimit"), spec.failedJobsHistoryLimit),
  ];
}

function validateSchedule(schedule: string, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  try {
    parseCronSchedule(schedule);
  } catch (error) {
    // The parser throws for nothing but the text, and its message is the client's answer.
    errors.push(invalidValue(at, schedule, (error as Error).message));
  }
  if (schedule.includes("TZ"))
    errors.push(invalidValue(at, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"));
  return errors;
}

/** A name of the time zone database. https://data.iana.org/time-zones/theory.html#naming */
function validateTimeZone(zone: string | undefined, at: Path): FieldError[] {
  if (zone === undefined) return [];
  if (zone === "") return [invalidValue(at, zone, "timeZone must be nil or non-empty string")];
  const unknown = invalidValue(at, zone, `unknown time zone ${zone}`);
  const isName = zone
    .split("/")
    .every((part) => /^[A-Za-z._0-9+][A-Za-z.\-_0-9+]{0,13}$/.test(part) && !/^\.\.?$/.test(part));
  if (!isName) return [unknown];
  if (zone.toLowerCase() === "local")
    return [
      invalidValue(at, zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"),
    ];
  try {
    const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions();
    // Intl takes any case, the files of the database only their own; of an alias Intl does not tell it.
    return timeZone !== zone && timeZone.toLowerCase() === zone.toLowerCase() ? [unknown] : [];
  } catch {
    // What it throws for is a zone that it does not know.
    return [unknown];
  }
}

function validateJobTemplate({ spec }: JobTemplateSpec, at: Path): FieldError[] {
  const errors = validateJobSpec(spec, at.child("spec"));
  if (spec.selector)
    errors.push(
      invalidValue(at.child("spec", "selector"), shownSelector(spec.selector), "`selector` will be auto-generated"),
    );
  if (spec.manualSelector)
    errors.push(notSupported(at.child("spec", "manualSelector"), spec.manualSelector, ["nil", "false"]));
  return errors;
}
