import { append } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { validateConditions } from "../conditions.ts";
import { nonnegative, optionalEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { goStruct, invalidValue, type Path } from "../meta/field-error.ts";
import { validateNonnegativeIntOrPercent, validateNotOver100Percent } from "../meta/int-or-string.ts";
import { validateLabelSelector } from "../meta/label-selector.ts";
import { defineResource } from "../resource.ts";
import type { PodDisruptionBudget } from "../types.generated.ts";

const notSet = "N/A";

export const PodDisruptionBudgets = defineResource<PodDisruptionBudget>({
  group: "policy",
  version: "v1",
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  shortNames: ["pdb"],
  columns: [
    nameColumn,
    { name: "Min Available", type: "string", of: ({ spec }) => String(spec.minAvailable ?? notSet) },
    { name: "Max Unavailable", type: "string", of: ({ spec }) => String(spec.maxUnavailable ?? notSet) },
    { name: "Allowed Disruptions", type: "integer", of: ({ status }) => status.disruptionsAllowed ?? 0 },
    ageColumn,
  ],
  allowsUnconditionalUpdate: false,
  validate: ({ spec }, at) => validateSpec(spec, at.child("spec")),
  validateStatusUpdate: ({ status }, _old, at) => validateStatus(status, at.child("status")),
});

function validateSpec(spec: PodDisruptionBudget["spec"], at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined)
    errors.push(invalidValue(at, shownSpec(spec), "minAvailable and maxUnavailable cannot be both set"));
  for (const field of ["minAvailable", "maxUnavailable"] as const)
    append(
      errors,
      validateNonnegativeIntOrPercent(at.child(field), spec[field]),
      validateNotOver100Percent(at.child(field), spec[field]),
    );
  append(
    errors,
    validateLabelSelector(at.child("selector"), spec.selector),
    optionalEnum(at.child("unhealthyPodEvictionPolicy"), spec.unhealthyPodEvictionPolicy, [
      "AlwaysAllow",
      "IfHealthyBudget",
    ]),
  );
  return errors;
}

function shownSpec(spec: PodDisruptionBudget["spec"]): unknown {
  return goStruct({
    MinAvailable: spec.minAvailable,
    Selector: spec.selector,
    MaxUnavailable: spec.maxUnavailable,
    UnhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy,
  });
}

const counts = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const;

function validateStatus(status: PodDisruptionBudget["status"], at: Path): FieldError[] {
  return [
    ...validateConditions(at.child("conditions"), status.conditions),
    ...counts.flatMap((field) => nonnegative(at.child(field), status[field])),
  ];
}
