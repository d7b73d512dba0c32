// How the status of a Job may change: ValidateJobStatusUpdate of k8s.io/kubernetes/pkg/apis/batch/validation, with the
// options of pkg/registry/batch/job/strategy.go. It keeps every controller of jobs, ours or another, from telling clients
// that a job has ended before it has. What a write leaves as it was may stay wrong: a spec that has changed can make it so.
import { deepEqual } from "../../lib/index.ts";
import { nonnegative } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, invalidTogether, invalidValue, type Path, required } from "../meta/field-error.ts";
import type { Job, JobStatus } from "../types.generated.ts";
import { isJobConditionTrue, isJobFinished, type JobConditionType } from "./job-condition.ts";
import { countIndexes, indexIntervals } from "./job-indexes.ts";

/** The two states of a job, and what has changed between them. */
interface Change {
  readonly next: Job;
  readonly old: Job;
  readonly at: Path;
  readonly is: (type: JobConditionType) => boolean;
  readonly was: (type: JobConditionType) => boolean;
  /** Whether the conditions or fields differ. */
  readonly turned: (...types: readonly JobConditionType[]) => boolean;
  readonly changed: (...fields: readonly (keyof JobStatus)[]) => boolean;
}

export function validateJobStatusUpdate(next: Job, old: Job, root: Path): FieldError[] {
  const is = (type: JobConditionType) => isJobConditionTrue(next.status, type);
  const was = (type: JobConditionType) => isJobConditionTrue(old.status, type);
  const turned = (...types: readonly JobConditionType[]) => types.some((type) => is(type) !== was(type));
  const changed = (...fields: readonly (keyof JobStatus)[]) =>
    fields.some((field) => !deepEqual(next.status[field] ?? 0, old.status[field] ?? 0));
  const change: Change = { next, old, at: root.child("status"), is, was, turned, changed };
  return [
    ...validateCounts(change),
    ...validateUncounted(change),
    ...validateEnd(change),
    ...validateFinished(change),
    ...validateIndexes(change),
    ...validateTogether(change),
    ...validateReturn(change),
    ...validateGrowth(change),
    ...validateTimes(change),
    ...validateSuccess(change),
  ];
}

function validateCounts({ next, at }: Change): FieldError[] {
  return (["active", "succeeded", "failed", "ready", "terminating"] as const).flatMap((field) =>
    nonnegative(at.child(field), next.status[field]),
  );
}

function validateUncounted({ next, at }: Change): FieldError[] {
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const field of ["succeeded", "failed"] as const)
    for (const [index, uid] of (next.status.uncountedTerminatedPods?.[field] ?? []).entries()) {
      const place = at.child("uncountedTerminatedPods", field).index(index);
      if (uid === "") errors.push(invalidValue(place, uid, "must not be empty"));
      else if (seen.has(uid)) errors.push(duplicate(place, uid));
      seen.add(uid);
    }
  return errors;
}

function validateEnd({ next, at, is, turned, changed }: Change): FieldError[] {
  const { startTime, completionTime } = next.status;
  const place = at.child("completionTime");
  const complete = is("Complete");
  const errors: FieldError[] = [];
  const together = (wrong: boolean, detail: string) => {
    if (wrong) errors.push(invalidTogether(at.child("conditions"), detail));
  };
  if (turned("Complete", "Failed"))
    together(complete && is("Failed"), "cannot set Complete=True and Failed=true conditions");
  if (turned("Complete", "FailureTarget"))
    together(complete && is("FailureTarget"), "cannot set Complete=True and FailureTarget=true conditions");
  const concernsCompletion = turned("Complete") || changed("completionTime");
  if (concernsCompletion && completionTime !== undefined && !complete)
    errors.push(
      invalidValue(place, completionTime, "cannot set completionTime when there is no Complete=True condition"),
    );
  if (concernsCompletion && completionTime === undefined && complete)
    errors.push(required(place, "completionTime is required for Complete jobs"));
  if (changed("startTime", "completionTime") && startTime !== undefined && completionTime !== undefined)
    if (Date.parse(completionTime) < Date.parse(startTime))
      errors.push(invalidValue(place, completionTime, "completionTime cannot be set before startTime"));
  if (turned("Failed", "FailureTarget"))
    together(
      is("Failed") && !is("FailureTarget"),
      "cannot set Failed=True condition without the FailureTarget=true condition",
    );
  if (turned("Complete", "SuccessCriteriaMet"))
    together(
      complete && !is("SuccessCriteriaMet"),
      "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
    );
  return errors;
}

function validateFinished({ next, old, at, changed }: Change): FieldError[] {
  if (!isJobFinished(next)) return [];
  const justFinished = !isJobFinished(old);
  const { active = 0, terminating = 0, startTime, uncountedTerminatedPods: uncounted } = next.status;
  // A suspended job that has nothing to do ends and was never started.
  const mayLackStart = next.spec.suspend === true && next.spec.completions === 0;
  const errors: FieldError[] = [];
  if (active > 0 && (justFinished || changed("active")))
    errors.push(invalidValue(at.child("active"), active, "active>0 is invalid for finished job"));
  if (startTime === undefined && !mayLackStart && (justFinished || changed("startTime")))
    errors.push(required(at.child("startTime"), "startTime is required for finished job"));
  const uids = (uncounted?.succeeded?.length ?? 0) + (uncounted?.failed?.length ?? 0);
  if (uids > 0 && (justFinished || changed("uncountedTerminatedPods"))) {
    const detail = "uncountedTerminatedPods needs to be empty for finished job";
    errors.push(invalidValue(at.child("uncountedTerminatedPods"), uncounted, detail));
  }
  if (terminating > 0 && (justFinished || changed("terminating")))
    errors.push(invalidValue(at.child("terminating"), terminating, "terminating>0 is invalid for finished job"));
  return errors;
}

function validateIndexes({ next, at, changed }: Change): FieldError[] {
  const { completions, completionMode, backoffLimitPerIndex } = next.spec;
  const { completedIndexes, failedIndexes } = next.status;
  const errors: FieldError[] = [];
  const wrongFormat = (field: "completedIndexes" | "failedIndexes", text: string) => {
    const counted = completions === undefined || !changed(field) ? 0 : countIndexes(text, completions);
    if (typeof counted === "number") return;
    errors.push(invalidValue(at.child(field), text, `error parsing ${field}: ${counted.wrong}`));
  };
  wrongFormat("completedIndexes", completedIndexes ?? "");
  if (backoffLimitPerIndex !== undefined) wrongFormat("failedIndexes", failedIndexes ?? "");
  if (completedIndexes && completionMode !== "Indexed" && changed("completedIndexes")) {
    const detail = "cannot set non-empty completedIndexes when non-indexed completion mode";
    errors.push(invalidValue(at.child("completedIndexes"), completedIndexes, detail));
  }
  if (failedIndexes !== undefined && backoffLimitPerIndex === undefined && changed("failedIndexes")) {
    const detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
    errors.push(invalidValue(at.child("failedIndexes"), failedIndexes, detail));
  }
  if (errors.length > 0 || !changed("completedIndexes", "failedIndexes")) return errors;
  const overlap = firstOverlap(completedIndexes ?? "", failedIndexes ?? "");
  if (overlap === undefined) return [];
  const detail = `failedIndexes and completedIndexes overlap at index: ${overlap}`;
  return [invalidValue(at.child("failedIndexes"), failedIndexes, detail)];
}

/** The first index that is in both sets. */
function firstOverlap(a: string, b: string): number | undefined {
  const left = indexIntervals(a);
  const right = indexIntervals(b);
  for (let i = 0, j = 0; ; ) {
    const one = left[i];
    const other = right[j];
    if (!one || !other) return undefined;
    const first = Math.max(one.first, other.first);
    if (first <= Math.min(one.last, other.last)) return first;
    if (one.last < other.last) i++;
    else j++;
  }
}

function validateTogether({ next, at, is, changed }: Change): FieldError[] {
  const { ready = 0, active = 0 } = next.status;
  const errors: FieldError[] = [];
  if (ready > active && changed("ready", "active"))
    errors.push(invalidValue(at.child("ready"), ready, "cannot set more ready pods than active"));
  const met = is("SuccessCriteriaMet");
  const conditions = at.child("conditions");
  if (met && is("Failed"))
    errors.push(invalidTogether(conditions, "cannot set SuccessCriteriaMet=True and Failed=true conditions"));
  if (met && is("FailureTarget"))
    errors.push(invalidTogether(conditions, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"));
  if (next.spec.successPolicy && !met && is("Complete")) {
    const detail = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True";
    errors.push(invalidTogether(conditions, detail));
  }
  return errors;
}

function validateReturn({ at, is, was }: Change): FieldError[] {
  return (["Failed", "Complete", "FailureTarget"] as const)
    .filter((type) => was(type) && !is(type))
    .map((type) => invalidTogether(at.child("conditions"), `cannot disable the terminal ${type}=True condition`));
}

function validateGrowth({ next, old, at }: Change): FieldError[] {
  const errors: FieldError[] = [];
  const { completionMode, completions, parallelism } = next.spec;
  // An indexed job that was made smaller forgets the indexes beyond its new end.
  const mayShrink = completionMode === "Indexed" && completions === parallelism;
  for (const field of ["failed", "succeeded"] as const) {
    const value = next.status[field] ?? 0;
    if (value < (old.status[field] ?? 0) && !(mayShrink && field === "succeeded"))
      errors.push(invalidValue(at.child(field), value, `cannot decrease the ${field} counter`));
  }
  return errors;
}

function validateTimes({ next, old, at, is, was }: Change): FieldError[] {
  const { startTime, completionTime } = next.status;
  const before = old.status;
  const errors: FieldError[] = [];
  if (completionTime !== undefined && before.completionTime !== undefined && completionTime !== before.completionTime)
    errors.push(invalidValue(at.child("completionTime"), completionTime, "completionTime cannot be mutated"));
  // A job that goes on starts anew.
  const resumes = was("Suspended") && !is("Suspended");
  if (before.startTime !== undefined && startTime !== before.startTime && !next.spec.suspend && !resumes)
    errors.push(required(at.child("startTime"), "startTime cannot be removed for unsuspended job"));
  return errors;
}

function validateSuccess({ at, is, was }: Change): FieldError[] {
  const conditions = at.child("conditions");
  if (was("SuccessCriteriaMet") && !is("SuccessCriteriaMet"))
    return [invalidTogether(conditions, "cannot disable the SuccessCriteriaMet=True condition")];
  if (!was("Complete") || was("SuccessCriteriaMet") || !is("SuccessCriteriaMet")) return [];
  const detail = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions";
  return [invalidTogether(conditions, detail)];
}
