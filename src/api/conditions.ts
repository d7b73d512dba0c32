// Conditions of the form that kinds share: k8s.io/apimachinery/pkg/apis/meta/v1/validation, ValidateConditions.
import { append, exceedsBytes, timestamp } from "../lib/index.ts";
import { eachItem, invalidFor, requiredField } from "./field-rules.ts";
import type { FieldError } from "./meta/api-error.ts";
import { duplicate, invalidValue, notSupported, type Path, required, tooLong } from "./meta/field-error.ts";
import { isQualifiedName, patternMessage } from "./meta/names.ts";
import type { Condition } from "./types.generated.ts";

export const conditionStatuses = ["False", "True", "Unknown"];

const reasonBytesMax = 1024;
const messageBytesMax = 32 * 1024;
const reason = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?";
const reasonPattern = new RegExp(`^${reason}$`);
const reasonMessage = patternMessage(
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
  reason,
  "my_name",
  "MY_NAME",
  "MyName",
  "ReasonA,ReasonB",
  "ReasonA:ReasonB",
);

export function validateConditions(at: Path, conditions: readonly Condition[] | null | undefined): FieldError[] {
  const types = new Set<string>();
  return eachItem(at, conditions, (condition, place) => {
    const errors = types.has(condition.type) ? [duplicate(place.child("type"), condition.type)] : [];
    types.add(condition.type);
    append(errors, validateCondition(condition, place));
    return errors;
  });
}

function validateCondition(condition: Condition, at: Path): FieldError[] {
  const { type = "", status, observedGeneration = 0, lastTransitionTime, message = "" } = condition;
  const errors = invalidFor(at.child("type"), type, isQualifiedName(type));
  if (!conditionStatuses.includes(status)) errors.push(notSupported(at.child("status"), status, conditionStatuses));
  if (observedGeneration < 0)
    errors.push(
      invalidValue(at.child("observedGeneration"), observedGeneration, "must be greater than or equal to zero"),
    );
  if (!lastTransitionTime) errors.push(required(at.child("lastTransitionTime"), "must be set"));
  append(errors, requiredField(at.child("reason"), condition.reason, "must be set"));
  if (condition.reason && !reasonPattern.test(condition.reason))
    errors.push(invalidValue(at.child("reason"), condition.reason, reasonMessage));
  if (exceedsBytes(reasonBytesMax, condition.reason ?? "")) errors.push(tooLong(at.child("reason"), reasonBytesMax));
  if (exceedsBytes(messageBytesMax, message)) errors.push(tooLong(at.child("message"), messageBytesMax));
  return errors;
}

/** The conditions with this one, whose time of transition changes with its status only. */
export function withCondition<
  C extends { readonly type: string; readonly status: string; readonly lastTransitionTime?: string | null },
>(before: readonly C[] | null | undefined, condition: Omit<C, "lastTransitionTime">, nowMs: number): C[] {
  const conditions = before ?? [];
  const old = conditions.find((each) => each.type === condition.type);
  const lastTransitionTime =
    old?.status === condition.status && old.lastTransitionTime ? old.lastTransitionTime : timestamp(nowMs);
  const next = { ...condition, lastTransitionTime } as C; // what Omit took out is there again
  return old ? conditions.map((each) => (each === old ? next : each)) : [...conditions, next];
}
