// How the status of a Job may change: ValidateJobStatusUpdate of k8s.io/kubernetes/pkg/apis/batch/validation. It keeps
// every controller of jobs, ours or another, from telling clients that a job has ended before it has.
import { nonnegative } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidTogether, invalidValue, type Path, required } from "../meta/field-error.ts";
import type { Job } from "../types.generated.ts";
import { isJobConditionTrue, isJobFinished, type JobConditionType } from "./job-condition.ts";
import { countIndexes } from "./job-indexes.ts";

export function validateJobStatusUpdate(next: Job, old: Job, root: Path): FieldError[] {
  const at = root.child("status");
  return [
    ...validateCounts(next, at),
    ...validateConditions(next, old, at.child("conditions")),
    ...validateTimes(next, old, at),
    ...validateFinished(next, at),
    ...validateIndexes(next, at),
    ...validateGrowth(next, old, at),
  ];
}

function validateCounts({ status }: Job, at: Path): FieldError[] {
  const errors = (["active", "succeeded", "failed", "ready", "terminating"] as const).flatMap((field) =>
    nonnegative(at.child(field), status[field]),
  );
  if ((status.ready ?? 0) > (status.active ?? 0))
    errors.push(invalidValue(at.child("ready"), status.ready, "cannot set more ready pods than active"));
  return errors;
}

const exclusive: readonly (readonly [JobConditionType, JobConditionType, string])[] = [
  ["Complete", "Failed", "cannot set Complete=True and Failed=true conditions"],
  ["Complete", "FailureTarget", "cannot set Complete=True and FailureTarget=true conditions"],
  ["SuccessCriteriaMet", "Failed", "cannot set SuccessCriteriaMet=True and Failed=true conditions"],
  ["SuccessCriteriaMet", "FailureTarget", "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"],
];

function validateConditions(next: Job, old: Job, at: Path): FieldError[] {
  const is = (type: JobConditionType) => isJobConditionTrue(next.status, type);
  const was = (type: JobConditionType) => isJobConditionTrue(old.status, type);
  const errors = exclusive.filter(([a, b]) => is(a) && is(b)).map(([, , detail]) => invalidTogether(at, detail));
  if (is("Failed") && !was("Failed") && !is("FailureTarget"))
    errors.push(invalidTogether(at, "cannot set Failed=True condition without the FailureTarget=true condition"));
  if (is("Complete") && !was("Complete") && !is("SuccessCriteriaMet"))
    errors.push(
      invalidTogether(at, "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"),
    );
  for (const type of ["Failed", "Complete", "FailureTarget"] as const)
    if (was(type) && !is(type)) errors.push(invalidTogether(at, `cannot disable the terminal ${type}=True condition`));
  if (was("SuccessCriteriaMet") && !is("SuccessCriteriaMet"))
    errors.push(invalidTogether(at, "cannot disable the SuccessCriteriaMet=True condition"));
  return errors;
}

function validateTimes(next: Job, old: Job, at: Path): FieldError[] {
  const { startTime, completionTime } = next.status;
  const place = at.child("completionTime");
  const complete = isJobConditionTrue(next.status, "Complete");
  const errors: FieldError[] = [];
  if (completionTime !== undefined && !complete)
    errors.push(
      invalidValue(place, completionTime, "cannot set completionTime when there is no Complete=True condition"),
    );
  if (completionTime === undefined && complete)
    errors.push(required(place, "completionTime is required for Complete jobs"));
  if (startTime !== undefined && completionTime !== undefined && Date.parse(completionTime) < Date.parse(startTime))
    errors.push(invalidValue(place, completionTime, "must be equal to or after `startTime`"));
  const before = old.status.completionTime;
  if (completionTime !== undefined && before !== undefined && completionTime !== before)
    errors.push(invalidValue(place, completionTime, "field is immutable"));
  // A job that goes on starts anew.
  const resumes = isJobConditionTrue(old.status, "Suspended") && !isJobConditionTrue(next.status, "Suspended");
  if (old.status.startTime !== undefined && startTime !== old.status.startTime && !next.spec.suspend && !resumes)
    errors.push(required(at.child("startTime"), "startTime cannot be removed for unsuspended job"));
  return errors;
}

function validateFinished(job: Job, at: Path): FieldError[] {
  if (!isJobFinished(job)) return [];
  const { active = 0, terminating = 0, startTime, uncountedTerminatedPods: uncounted } = job.status;
  const errors: FieldError[] = [];
  if (active > 0) errors.push(invalidValue(at.child("active"), active, "active>0 is invalid for finished job"));
  if (terminating > 0)
    errors.push(invalidValue(at.child("terminating"), terminating, "terminating>0 is invalid for finished job"));
  if (startTime === undefined) errors.push(required(at.child("startTime"), "startTime is required for finished job"));
  if ((uncounted?.succeeded?.length ?? 0) + (uncounted?.failed?.length ?? 0) > 0)
    errors.push(invalidValue(at.child("uncountedTerminatedPods"), uncounted, "must be empty for finished job"));
  return errors;
}

function validateIndexes({ spec, status }: Job, at: Path): FieldError[] {
  const { completedIndexes, failedIndexes } = status;
  const errors: FieldError[] = [];
  if (completedIndexes && spec.completionMode !== "Indexed")
    errors.push(
      invalidValue(
        at.child("completedIndexes"),
        completedIndexes,
        "cannot set non-empty completedIndexes when non-indexed completion mode",
      ),
    );
  if (failedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    errors.push(
      invalidValue(
        at.child("failedIndexes"),
        failedIndexes,
        "cannot set non-null failedIndexes when backoffLimitPerIndex is null",
      ),
    );
  if (spec.completions === undefined) return errors;
  for (const [field, text] of Object.entries({ completedIndexes, failedIndexes })) {
    const counted = countIndexes(text ?? "", spec.completions);
    if (typeof counted !== "number")
      errors.push(invalidValue(at.child(field), text, `error parsing ${field}: ${counted.wrong}`));
  }
  return errors;
}

function validateGrowth(next: Job, old: Job, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const indexed = next.spec.completionMode === "Indexed";
  for (const field of ["failed", "succeeded"] as const) {
    const value = next.status[field] ?? 0;
    // An indexed job that was made smaller forgets the indexes beyond its new end.
    if (value < (old.status[field] ?? 0) && !(indexed && field === "succeeded"))
      errors.push(invalidValue(at.child(field), value, `cannot decrease the ${field} counter`));
  }
  return errors;
}
