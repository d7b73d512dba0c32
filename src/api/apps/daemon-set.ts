import { append, type Draft, deepEqual } from "../../lib/index.ts";
import { ageColumn, containerColumns, formatLabels, nameColumn, selectorCell } from "../columns.ts";
import { defaultPodTemplate } from "../core/pod-defaults.ts";
import {
  validateCollisionCount,
  validateSelectorUpdate,
  validateWorkloadSelector,
  validateWorkloadTemplate,
  workloadWarnings,
} from "../core/workload-template.ts";
import { nonnegative } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { validateNonnegativeIntOrPercent, validateNotOver100Percent } from "../meta/int-or-string.ts";
import { defineResource } from "../resource.ts";
import type { DaemonSet, DaemonSetUpdateStrategy } from "../types.generated.ts";
import { isNothing, shownStrategy } from "./deployment.ts";

/** Counts the templates that the set had (apps.DeprecatedTemplateGeneration); revisions have taken its place. */
export const templateGenerationAnnotation = "deprecated.daemonset.template.generation";

export const DaemonSets = defineResource<DaemonSet>({
  group: "apps",
  version: "v1",
  kind: "DaemonSet",
  plural: "daemonsets",
  shortNames: ["ds"],
  categories: ["all"],
  columns: [
    nameColumn,
    { name: "Desired", type: "integer", of: ({ status }) => status.desiredNumberScheduled ?? 0 },
    { name: "Current", type: "integer", of: ({ status }) => status.currentNumberScheduled ?? 0 },
    { name: "Ready", type: "integer", of: ({ status }) => status.numberReady ?? 0 },
    { name: "Up-to-date", type: "integer", of: ({ status }) => status.updatedNumberScheduled ?? 0 },
    { name: "Available", type: "integer", of: ({ status }) => status.numberAvailable ?? 0 },
    { name: "Node Selector", type: "string", of: ({ spec }) => formatLabels(spec.template.spec.nodeSelector) },
    ageColumn,
    ...containerColumns<DaemonSet>(({ spec }) => spec.template.spec.containers),
    { name: "Selector", type: "string", priority: 1, of: ({ spec }) => selectorCell(spec.selector) },
  ],
  defaults: defaultDaemonSet,
  prepareForCreate: (set) => {
    const asked = Number(set.metadata.annotations?.[templateGenerationAnnotation]);
    setTemplateGeneration(set, Number.isInteger(asked) && asked >= 1 ? asked : 1);
  },
  prepareForUpdate: (set, old) => {
    const before = templateGenerationOf(old);
    setTemplateGeneration(set, deepEqual(set.spec.template, old.spec.template) ? before : before + 1);
  },
  prepareForStatusUpdate: (set, old) => setTemplateGeneration(set, templateGenerationOf(old)),
  validate,
  validateUpdate: validateSelectorUpdate,
  validateStatusUpdate: (next, old, at) => {
    const place = at.child("status");
    return [
      ...countFields.flatMap((field) => nonnegative(place.child(field), next.status[field])),
      ...validateCollisionCount(next.status, old.status, place),
    ];
  },
  warnings: workloadWarnings,
});

const templateGenerationOf = ({ metadata }: DaemonSet) =>
  Number(metadata.annotations?.[templateGenerationAnnotation] ?? 1);

/** Only the server says it. */
function setTemplateGeneration({ metadata }: Draft<DaemonSet>, generation: number): void {
  metadata.annotations = { ...metadata.annotations, [templateGenerationAnnotation]: String(generation) };
}

const countFields = [
  "currentNumberScheduled",
  "numberMisscheduled",
  "desiredNumberScheduled",
  "numberReady",
  "observedGeneration",
  "updatedNumberScheduled",
  "numberAvailable",
  "numberUnavailable",
] as const;

function defaultDaemonSet(set: Draft<DaemonSet>): void {
  const { metadata, spec } = set;
  // A set that does not say it counted none yet: so admission and managedFields see it upstream.
  if (metadata.annotations?.[templateGenerationAnnotation] === undefined) setTemplateGeneration(set, 0);
  spec.template ??= { spec: { containers: [] } };
  defaultPodTemplate(spec.template);
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= "RollingUpdate";
  if (spec.updateStrategy.type === "RollingUpdate") {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
}

function validate({ spec }: DaemonSet, root: Path): FieldError[] {
  const at = root.child("spec");
  return [
    // Without a selector Kubernetes only complains of the labels of the template.
    ...(spec.selector ? validateWorkloadSelector(spec.selector, "daemonset", at.child("selector")) : []),
    ...validateWorkloadTemplate(spec.template, spec.selector, "DaemonSet", at.child("template")),
    ...nonnegative(at.child("minReadySeconds"), spec.minReadySeconds),
    ...validateUpdateStrategy(spec.updateStrategy ?? {}, at.child("updateStrategy")),
    ...nonnegative(at.child("revisionHistoryLimit"), spec.revisionHistoryLimit),
  ];
}

function validateUpdateStrategy({ type, rollingUpdate }: DaemonSetUpdateStrategy, at: Path): FieldError[] {
  if (type === "OnDelete") return [];
  if (type !== "RollingUpdate")
    return [notSupported(at, shownStrategy(type, rollingUpdate), ["RollingUpdate", "OnDelete"])];
  const place = at.child("rollingUpdate");
  if (!rollingUpdate) return [required(place)];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const errors: FieldError[] = [];
  for (const [field, value] of Object.entries({ maxUnavailable, maxSurge }))
    append(
      errors,
      validateNonnegativeIntOrPercent(place.child(field), value),
      validateNotOver100Percent(place.child(field), value),
    );
  if (!isNothing(maxUnavailable) && !isNothing(maxSurge))
    errors.push(invalidValue(place.child("maxSurge"), maxSurge, "may not be set when maxUnavailable is non-zero"));
  if (isNothing(maxUnavailable) && isNothing(maxSurge))
    errors.push(required(place.child("maxUnavailable"), "cannot be 0 when maxSurge is 0"));
  return errors;
}
